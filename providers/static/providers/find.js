/* Shows of a list, which may be in groups, what has the typed words; Enter opens the only one that is left. */
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-gateway-find]")) return;
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  const entries = [...document.querySelectorAll("[data-gateway-found]")];
  for (const entry of entries) {
    const text = entry.dataset.gatewayFound.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
  }
  for (const group of document.querySelectorAll("[data-gateway-group]")) {
    group.hidden = !group.querySelector("[data-gateway-found]:not([hidden])");
  }
  const none = document.querySelector("[data-gateway-none]");
  if (none) none.hidden = entries.some((entry) => !entry.hidden);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-gateway-find]")) return;
  event.preventDefault();
  const left = document.querySelectorAll("[data-gateway-found]:not([hidden]) a");
  if (left.length === 1) left[0].click();
});
/* Ticks all that is shown of a list, or none, and says how many are ticked. */
(() => {
  const count = (form) => {
    const ticked = form.querySelectorAll("[data-gateway-found] input[type=checkbox]:checked").length;
    const place = form.querySelector("[data-gateway-count]");
    if (place) place.textContent = ticked === 1 ? "1 ticked" : `${ticked} ticked`;
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form");
    if (!form || event.target.type !== "checkbox") return;
    if (event.target.matches("[data-gateway-all]")) {
      for (const box of form.querySelectorAll("[data-gateway-found]:not([hidden]) input[type=checkbox]")) {
        box.checked = event.target.checked;
      }
    }
    count(form);
  });
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form:has([data-gateway-count])").forEach(count));
})();
