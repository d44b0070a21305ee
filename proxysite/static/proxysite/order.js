/* Rows that are dragged into an order can be moved by keyboard, too: the handle takes the focus, and the arrow keys move
   its row. Where the highest number comes first (rules), numbers are dealt out downwards. */
(() => {
  const TABLES = "table[data-ordering-field]";
  const rowsOf = (table) => [...table.tBodies].filter((row) => !row.classList.contains("empty-form"));
  const inputOf = (table, row) => row.querySelector(`input[name$=-${table.dataset.orderingField}]:not([name^=initial-])`);
  const isDescending = (table) => table.dataset.orderingField === "priority";
  const known = new WeakMap();

  const renumber = (table) => {
    const inputs = rowsOf(table).map((row) => inputOf(table, row)).filter(Boolean);
    if (!isDescending(table)) return inputs.forEach((input, at) => (input.value = at));
    const numbers = [...known.get(table)].sort((one, other) => other - one).slice(0, inputs.length);
    for (let at = numbers.length - 2; at >= 0; at--) numbers[at] = Math.max(numbers[at], numbers[at + 1] + 1);
    inputs.forEach((input, at) => (input.value = numbers[at]));
    known.set(table, numbers);
  };

  const say = (text) => {
    let place = document.getElementById("gw-moved");
    if (!place) {
      place = Object.assign(document.createElement("div"), { id: "gw-moved", className: "sr-only" });
      place.setAttribute("role", "status");
      document.body.append(place);
    }
    place.textContent = text;
  };

  const prepare = (table) => {
    known.set(table, rowsOf(table).map((row) => Number(inputOf(table, row)?.value) || 0));
    for (const handle of table.querySelectorAll("[x-sort\\:handle]")) {
      handle.tabIndex = 0;
      handle.setAttribute("role", "button");
      handle.setAttribute("aria-label", "Move this row: arrow up or down");
    }
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(TABLES).forEach(prepare));
  // After unfold's own numbering, which is from the top on.
  document.addEventListener("end", (event) => {
    const table = event.target.closest?.(TABLES);
    if (table && isDescending(table)) renumber(table);
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const handle = step && event.target.closest("[x-sort\\:handle]");
    const table = handle?.closest(TABLES);
    if (!table) return;
    event.preventDefault();
    const rows = rowsOf(table);
    const row = handle.closest("tbody");
    const other = rows[rows.indexOf(row) + step];
    if (!other || !inputOf(table, other)) return;
    if (step < 0) other.before(row);
    else other.after(row);
    renumber(table);
    handle.focus();
    say(`Row ${rows.indexOf(row) + step + 1} of ${rows.length}. Save to keep the order.`);
  });
})();
