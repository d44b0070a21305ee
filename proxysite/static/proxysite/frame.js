/* What unfold's pages lack for those who use them without a mouse or without seeing them.

   Names for the controls that unfold and select2 leave without one: fields in the cells of a table have that of their
   column, a select2 that of the field which it stands for. And keys for what answers to a click alone. */
(() => {
  const CONTROLS = "td :is(input:not([type=hidden]), select, textarea)";

  const named = (control) => control.labels?.length || control.getAttribute("aria-label") || control.getAttribute("aria-labelledby");

  const column = (cell) => {
    const heads = cell.closest("table")?.querySelectorAll("thead th");
    const words = heads?.[cell.cellIndex]?.textContent || cell.dataset.label || "";
    return words.replace(/\*|\bhelp\b/g, "").trim().replace(/\s+/g, " ");
  };

  const row = (cell) => cell.closest("tr")?.querySelector("th a, th, td a")?.textContent.trim() || "";

  const nameCells = (root) => {
    for (const control of root.querySelectorAll(CONTROLS)) {
      if (named(control)) continue;
      const cell = control.closest("td");
      const name = [column(cell), row(cell)].filter(Boolean).join(", ");
      if (name) control.setAttribute("aria-label", name);
    }
  };

  const nameOf = (select) => {
    const label = select.labels?.[0];
    return select.getAttribute("aria-label") || label?.textContent.replace("*", "").trim().replace(/\s+/g, " ");
  };

  const nameSelects = (root) => {
    for (const select of root.querySelectorAll("select.select2-hidden-accessible")) {
      const name = nameOf(select);
      const shown = select.nextElementSibling;
      if (!name || !shown?.classList.contains("select2")) continue;
      for (const part of shown.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]")) {
        if (part.getAttribute("aria-label") === name) continue;
        part.setAttribute("aria-label", name);
        part.removeAttribute("aria-labelledby");
      }
    }
  };

  const BUTTONS = ".cursor-pointer[x-on\\:click]:not(a[href], button, input, select, label, summary, tr, td, [role])";

  const ICONS = { close: "Close", more_horiz: "Actions", more_vert: "Actions" };

  const press = (event) => {
    if (!event.target.matches(".gw-pressed") || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.target.click();
  };

  const makeButtons = () => {
    for (const one of document.querySelectorAll(BUTTONS)) {
      one.setAttribute("role", "button");
      one.classList.add("gw-pressed");
      one.tabIndex = 0;
      const icon = one.textContent.trim();
      if (one.matches(".material-symbols-outlined") && !one.getAttribute("aria-label"))
        one.setAttribute("aria-label", one.title || ICONS[icon] || icon.replaceAll("_", " "));
    }
  };

  // An icon is a word in a font of icons, which would be read out: "groups Teams".
  const hideIcons = () => {
    for (const icon of document.querySelectorAll(".material-symbols-outlined:not([aria-hidden], [role])")) {
      icon.setAttribute("aria-hidden", "true");
      const holder = icon.closest("a, button, [role=button]");
      if (!holder || holder.title || holder.getAttribute("aria-label") || holder.textContent.trim() !== icon.textContent.trim()) continue;
      holder.setAttribute("aria-label", ICONS[icon.textContent.trim()] || icon.textContent.trim().replaceAll("_", " "));
    }
  };

  const nameAll = () => {
    makeButtons();
    hideIcons();
    nameCells(document);
    nameSelects(document);
    for (const icon of document.querySelectorAll(".help-tooltip[aria-label]:not([role])")) icon.setAttribute("role", "img");
  };

  document.addEventListener("DOMContentLoaded", () => {
    nameAll();
    document.addEventListener("keydown", press);
    let waiting = false;
    // Rows that are added, and what select2 makes of fields.
    new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        nameAll();
      });
    }).observe(document.body, { childList: true, subtree: true });
  });
})();
