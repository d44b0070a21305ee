/* Copy buttons. Without https the browser gives no clipboard: then the line is selected, ready for the keyboard. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-gateway-copy]");
  if (!button) return;
  const line = button.parentElement.querySelector("pre");
  const said = button.dataset.said || (button.dataset.said = button.textContent);
  try {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(line);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = said), 2000);
});
