/* Copy buttons. Browsers allow the clipboard only on https; elsewhere the line is selected for the keyboard. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-gateway-copy]");
  if (!button) return;
  const line = button.parentElement.querySelector("pre");
  const label = button.dataset.label || (button.dataset.label = button.textContent);
  try {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(line);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = label), 2000);
});
