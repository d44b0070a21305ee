/* Edits a chain of transforms as rows: choose, set options, move, remove. The form sends the text area; text that is not
   a chain stays in it to be corrected. Without scripts there is only the text area. */
(() => {
  const parsed = (text) => {
    if (!text.trim()) return [];
    try {
      const chain = JSON.parse(text);
      const fits = (entry) => entry && typeof entry.name === "string" && Object.keys(entry).every((key) => key === "name" || key === "options");
      return Array.isArray(chain) && chain.every(fits) ? chain : null;
    } catch {
      return null;
    }
  };

  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const edit = (area) => {
    if (area.dataset.edited || area.name.includes("__prefix__")) return;
    const chain = parsed(area.value);
    if (chain === null) return;
    area.dataset.edited = "yes";
    const known = JSON.parse(area.dataset.transforms);
    const list = element("ol", { className: "gw-chain-rows" });

    // Options that are no JSON are written as they stand: the form then says what is wrong with them.
    const write = () => {
      const entries = [...list.children].map((row) => {
        const name = JSON.stringify(row.querySelector("select").value);
        const options = row.querySelector("input").value.trim();
        return options ? `  {"name": ${name}, "options": ${options}}` : `  {"name": ${name}}`;
      });
      area.value = entries.length ? `[\n${entries.join(",\n")}\n]` : "";
    };

    const button = (label, title, act) => {
      const made = element("button", { type: "button", className: "gw-chain-button", textContent: label, title });
      made.setAttribute("aria-label", title);
      made.addEventListener("click", () => { act(); write(); });
      return made;
    };

    const add = (name, options) => {
      const select = element("select", { className: area.dataset.selectClass });
      select.setAttribute("aria-label", "Transform");
      const names = Object.keys(known);
      // A name that is none stays until it is changed: the form says where its work is done.
      for (const each of names.includes(name) ? names : [name, ...names]) select.append(new Option(each, each));
      select.value = name;
      const input = element("input", { type: "text", className: area.dataset.inputClass, value: options, spellcheck: false });
      input.setAttribute("aria-label", "Options");
      const hint = element("p", { className: "gw-chain-hint" });
      const row = element("li", { className: "gw-chain-row" });
      const explain = () => {
        const { summary, options: fields } = known[select.value] || { summary: "", options: [] };
        hint.textContent = summary;
        input.placeholder = fields.length ? `{${fields.map((field) => `"${field}": …`).join(", ")}}` : "no options";
      };
      explain();
      select.addEventListener("change", () => { explain(); write(); });
      input.addEventListener("input", write);
      row.append(
        select, input,
        button("↑", "Move up", () => row.previousElementSibling?.before(row)),
        button("↓", "Move down", () => row.nextElementSibling?.after(row)),
        button("✕", "Remove", () => row.remove()),
        hint,
      );
      list.append(row);
    };

    for (const entry of chain) add(entry.name, entry.options && Object.keys(entry.options).length ? JSON.stringify(entry.options) : "");
    const text = element("button", { type: "button", className: "gw-chain-button", textContent: "Edit as JSON" });
    const tools = element("div", { className: "gw-chain-tools" }, button("+ Add transform", "Add transform", () => add(Object.keys(known)[0], "")), text);
    const rows = element("div", { className: "gw-chain" }, list, tools);
    text.addEventListener("click", () => { rows.remove(); area.hidden = false; area.focus(); });
    area.hidden = true;
    area.after(rows);
  };

  const editAll = (root) => root.querySelectorAll("textarea[data-transforms]").forEach(edit);
  document.addEventListener("DOMContentLoaded", () => editAll(document));
  document.addEventListener("formset:added", (event) => editAll(event.target));
})();
