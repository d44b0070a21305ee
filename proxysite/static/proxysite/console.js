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

/* Figures that are read anew while somebody looks: the part of the page alone, so that nothing else moves. */
(() => {
  const seconds = () => Number(document.querySelector("[data-gateway-refresh]")?.dataset.gatewayRefresh);
  const refresh = async () => {
    const part = document.querySelector("[data-gateway-refresh]");
    if (!part || document.hidden || part.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const place of ["[data-gateway-refresh]", "[data-gateway-at]"]) {
      const fresh = page.querySelector(place);
      if (fresh) document.querySelector(place)?.replaceWith(fresh);
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (seconds()) setInterval(() => refresh().catch(() => {}), seconds() * 1000);
  });
})();
