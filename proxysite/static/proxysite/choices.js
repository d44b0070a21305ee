/* Says of a select what the chosen one means, below it; and shows those parts of help texts that belong to what is
   chosen elsewhere in the form. Without scripts everything is shown. */
(() => {
  const describe = (select) => {
    const texts = JSON.parse(select.dataset.gatewayChoices);
    const hint = Object.assign(document.createElement("p"), { id: `${select.id}-means`, className: "gw-means" });
    hint.setAttribute("role", "status");
    (select.closest(".related-widget-wrapper") || select.parentElement).after(hint);
    select.setAttribute("aria-describedby", [select.getAttribute("aria-describedby"), hint.id].filter(Boolean).join(" "));
    const show = () => (hint.textContent = texts[select.value] || "");
    select.addEventListener("change", show);
    show();
  };
  const show = () => {
    for (const part of document.querySelectorAll("[data-gateway-when]")) {
      const [name, value] = part.dataset.gatewayWhen.split("=");
      const field = document.querySelector(`[name="${name}"]`);
      part.hidden = Boolean(field) && field.value !== value;
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("select[data-gateway-choices]:not([name*=__prefix__])").forEach(describe);
    show();
  });
  document.addEventListener("formset:added", (event) => event.target.querySelectorAll("select[data-gateway-choices]").forEach(describe));
  document.addEventListener("change", show);
})();
