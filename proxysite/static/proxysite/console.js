/* Copy buttons. Browsers have a clipboard for scripts only on https; elsewhere the selected line is copied as by hand. */
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
    button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
  }
  setTimeout(() => (button.textContent = label), 2000);
});
