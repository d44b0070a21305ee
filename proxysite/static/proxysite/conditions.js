/* The editor of conditions: rows of field, operator and value that read and write a text area of JSON.
   Conditions that rows cannot show are edited as JSON. */
(() => {
  const CLOCK = /^(\d\d:\d\d)-(\d\d:\d\d)$/;

  const make = (tag, className, props = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), { className, ...props });
    element.append(...children);
    return element;
  };

  /* --- values, per kind of field: the elements that show a value, and a function that reads it back ------------------ */
  const takesList = (kind, operator) => kind === "list" || (kind === "text" && ["in", "not_in"].includes(operator));

  const shows = (kind, operator, value) => {
    if (takesList(kind, operator)) {
      const values = Array.isArray(value) ? value : [value];
      return values.every((each) => typeof each === "string" && !each.includes(",") && each === each.trim());
    }
    if (kind === "flag") return typeof value === "boolean";
    if (kind === "number") return typeof value === "number" || (typeof value === "string" && !isNaN(value));
    if (kind === "clock") return typeof value === "string" && (CLOCK.test(value) || value === "");
    return typeof value === "string";
  };

  const empty = (kind, operator) => (kind === "flag" ? true : takesList(kind, operator) ? [] : "");

  const editors = {
    flag: (value, looks) => {
      const select = make("select", looks.select, {}, new Option("yes", "yes"), new Option("no", "no"));
      select.value = value === false ? "no" : "yes";
      return [[select], () => select.value === "yes"];
    },
    number: (value, looks) => {
      const input = make("input", looks.input, { type: "number", step: "any", value });
      return [[input], () => (input.value === "" ? "" : Number(input.value))];
    },
    clock: (value, looks) => {
      const [, from, to] = CLOCK.exec(value) || [null, "", ""];
      const [start, end] = [from, to].map((at) => make("input", looks.input, { type: "time", value: at }));
      start.ariaLabel = "from";
      end.ariaLabel = "until";
      const read = () => (start.value || end.value ? `${start.value}-${end.value}` : "");
      return [[start, make("span", "gw-soft", { textContent: "and" }), end], read];
    },
    list: (value, looks, usual) => {
      const shown = (Array.isArray(value) ? value : [value]).join(", ");
      const placeholder = usual.length ? usual.join(", ") : "one or more, separated by commas";
      const input = make("input", looks.input, { type: "text", value: shown, placeholder });
      return [[input], () => input.value.split(",").map((each) => each.trim()).filter(Boolean)];
    },
    text: (value, looks, usual, operator) => {
      const placeholder = operator === "matches" ? "* matches any characters" : "";
      const input = make("input", looks.input, { type: "text", value, placeholder });
      if (!usual.length) return [[input], () => input.value];
      const list = make("datalist", "", { id: `suggestion-${++ids}` }, ...usual.map((each) => new Option(each, each)));
      input.setAttribute("list", list.id);
      return [[input, list], () => input.value];
    },
  };
  let ids = 0;

  /* --- one row -------------------------------------------------------------------------------------------------------- */
  const placeOf = (known, name) => {
    if (known.fields[name]) return [name, ""];
    const dot = String(name).indexOf(".") + 1;
    const place = dot ? name.slice(0, dot) : "";
    return known.fields[place] && dot < name.length ? [place, name.slice(dot)] : [null, ""];
  };

  const canShow = (known, condition) => {
    if (typeof condition !== "object" || condition === null || Array.isArray(condition)) return false;
    const [place] = placeOf(known, condition.field);
    if (!place || Object.keys(condition).some((key) => !["field", "operator", "value"].includes(key))) return false;
    const { kind } = known.fields[place];
    const operators = known.operators[kind].map(([name]) => name);
    return operators.includes(condition.operator) && shows(kind, condition.operator, condition.value);
  };

  const row = (known, condition, changed) => {
    const looks = known.looks;
    const [startPlace, startKey] = placeOf(known, condition.field);
    const field = make("select", `${looks.select} gw-field`, { ariaLabel: "field" });
    for (const [name, { meaning }] of Object.entries(known.fields)) {
      field.append(new Option(`${name.replaceAll("_", " ").replace(/\.$/, "…")}: ${meaning}`, name));
    }
    field.value = startPlace;
    const key = make("input", `${looks.input} gw-key`, { type: "text", value: startKey, placeholder: "name", ariaLabel: "name" });
    const operator = make("select", `${looks.select} gw-operator`, { ariaLabel: "operator" });
    const value = make("span", "gw-value");
    const remove = make("button", "gw-remove", { type: "button", textContent: "Remove", ariaLabel: "Remove this condition" });
    const element = make("div", "gw-condition", {}, make("span", "gw-join gw-soft"), field, key, operator, value, remove);
    let read = () => "";

    const showValue = (held) => {
      const { kind, usual } = known.fields[field.value];
      const which = takesList(kind, operator.value) ? "list" : kind === "version" ? "text" : kind;
      const [parts, reader] = editors[which](held, looks, usual, operator.value);
      for (const part of parts) if (part.matches("input, select")) part.ariaLabel ||= "value";
      value.replaceChildren(...parts);
      read = reader;
    };
    const showOperators = (wanted) => {
      const { kind } = known.fields[field.value];
      operator.replaceChildren(...known.operators[kind].map(([name, words]) => new Option(words, name)));
      if (known.operators[kind].some(([name]) => name === wanted)) operator.value = wanted;
      key.hidden = !field.value.endsWith(".");
    };
    const keepOrEmpty = (held) =>
      showValue(shows(known.fields[field.value].kind, operator.value, held) ? held : empty(known.fields[field.value].kind, operator.value));

    showOperators(condition.operator);
    showValue(condition.value);
    field.addEventListener("change", () => {
      const before = operator.value;
      showOperators(before);
      keepOrEmpty(read());
      changed();
    });
    operator.addEventListener("change", () => {
      const held = read();
      const flat = Array.isArray(held) ? held.join(", ") : held;
      keepOrEmpty(takesList(known.fields[field.value].kind, operator.value) && typeof flat === "string" ? flat.split(",").map((each) => each.trim()) : flat);
      changed();
    });
    element.addEventListener("input", changed);
    remove.addEventListener("click", () => {
      element.remove();
      changed();
    });
    element.condition = () => ({ field: key.hidden ? field.value : field.value + key.value.trim(), operator: operator.value, value: read() });
    return element;
  };

  /* --- all rows of a text area ------------------------------------------------------------------------------------------ */
  const start = (area) => {
    const known = JSON.parse(area.dataset.conditions);
    const match = area.form && area.form.querySelector("select[name=match]");
    const rows = make("div", "gw-rows");
    const none = make("p", "gw-soft", { textContent: "No conditions: this rule applies to every request." });
    const add = make("button", "gw-copy", { type: "button", textContent: "Add condition" });
    const swap = make("button", "gw-copy", { type: "button" });
    const message = make("p", "gw-soft");
    const box = make("div", "gw-conditions", {}, rows, none, make("div", "gw-form", {}, add, swap), message);
    area.before(box);

    const join = () => {
      const word = match && match.value === "any" ? "or" : "and";
      [...rows.children].forEach((each, at) => (each.firstChild.textContent = at ? word : "when"));
      none.hidden = rows.children.length > 0;
    };
    const write = () => {
      area.value = JSON.stringify([...rows.children].map((each) => each.condition()), null, 2);
      join();
    };
    const asRows = () => {
      let conditions;
      try {
        conditions = area.value.trim() ? JSON.parse(area.value) : [];
      } catch {
        return "This is not valid JSON.";
      }
      if (!Array.isArray(conditions) || !conditions.every((each) => canShow(known, each))) {
        return "Some of these conditions cannot be shown as rows. Edit them as JSON.";
      }
      rows.replaceChildren(...conditions.map((each) => row(known, each, write)));
      join();
      return "";
    };
    const show = (json) => {
      const problem = json ? "" : asRows();
      json = json || problem !== "";
      area.hidden = !json;
      rows.hidden = add.hidden = json;
      if (json) none.hidden = true;
      message.textContent = problem;
      swap.textContent = json ? "Edit as rows" : "Edit as JSON";
    };
    add.addEventListener("click", () => {
      rows.append(row(known, { field: "model", operator: "matches", value: "" }, write));
      write();
      rows.lastChild.querySelector("select").focus();
    });
    swap.addEventListener("click", () => show(area.hidden));
    if (match) match.addEventListener("change", join);
    show(false);
  };

  const all = () => document.querySelectorAll("textarea[data-conditions]").forEach(start);
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", all) : all();
})();
