/* The lists of requests and attempts: j and k move, o shows a request beside the list, Enter opens its page; a filter's
   values come as they are asked for; dragging over the histogram zooms. Without this script all of it are links. */
(() => {
  const list = document.querySelector("[data-gateway-list]");
  const sheet = document.querySelector("[data-gateway-sheet]");
  const rows = list ? [...list.querySelectorAll("tbody tr:not(.gw-session)")] : [];
  let current = -1;
  let asked = 0;

  const fetched = async (url) => {
    const response = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (!response.ok || response.redirected) throw new Error(`HTTP ${response.status}`);
    return response.text();
  };

  const move = (to) => {
    if (!rows.length) return;
    rows[current]?.classList.remove("gw-current");
    current = Math.min(Math.max(to, 0), rows.length - 1);
    rows[current].classList.add("gw-current");
    rows[current].scrollIntoView({ block: "nearest" });
    if (!sheet.hidden) show();
  };

  const show = async () => {
    const row = rows[current];
    if (!row?.dataset.sheet) return;
    const number = ++asked;
    try {
      const text = await fetched(row.dataset.sheet);
      // A later row may have been asked for since.
      if (number !== asked) return;
      sheet.innerHTML = text;
      sheet.hidden = false;
      // Not one of its buttons: Enter opens the page of the request.
      sheet.focus({ preventScroll: true });
    } catch {
      location.href = row.querySelector("a").href;
    }
  };

  const close = () => {
    asked++;
    const focused = sheet.contains(document.activeElement);
    sheet.hidden = true;
    if (focused) rows[current]?.querySelector("a").focus({ preventScroll: true });
  };

  list?.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    if (elsewhere || event.target.closest("a") || !row?.dataset.sheet || getSelection().toString()) return;
    event.preventDefault();
    move(rows.indexOf(row));
    show();
  });

  sheet?.addEventListener("click", (event) => {
    if (event.target.closest("[data-gateway-close]")) close();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (event.key === "j") move(current + 1);
    else if (event.key === "k") move(current - 1);
    else if (event.key === "o" && current >= 0) show();
    else if (event.key === "Escape" && sheet && !sheet.hidden) close();
    else if (event.key === "Enter" && current >= 0 && !event.target.closest("a, button, summary")) {
      location.href = rows[current].querySelector("a").href;
    } else return;
    event.preventDefault();
  });

  document.querySelectorAll("a[data-gateway-choices]").forEach((link) =>
    link.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const details = link.closest("details");
      const menu = document.createElement("div");
      const find = document.createElement("input");
      const found = document.createElement("div");
      menu.className = "gw-menu";
      find.type = "search";
      find.placeholder = "Part of the name";
      find.setAttribute("aria-label", `Part of the name of the ${link.dataset.gatewayChoices}`);
      menu.append(find, found);
      details.querySelector(".gw-menu")?.remove();
      let number = 0;
      const fill = async () => {
        const mine = ++number;
        try {
          const text = await fetched(`${link.href}&part=1&find=${encodeURIComponent(find.value)}`);
          if (mine !== number) return;
          found.innerHTML = text;
          // The links of the part are relative to the page of the values.
          found.querySelectorAll("a").forEach((one) => (one.href = new URL(one.getAttribute("href"), link.href).href));
        } catch {
          location.href = link.href;
        }
      };
      await fill();
      details.append(menu);
      find.focus();
      find.addEventListener("input", fill);
    }),
  );

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details:is(.gw-filter-menu, .gw-range-other)[open]").forEach((details) => {
      details.open = false;
      details.querySelector("summary").focus();
    });
  });

  document.querySelectorAll("details.gw-filter-menu").forEach((details) => {
    details.addEventListener("toggle", () => details.querySelector(".gw-menu")?.remove());
  });

  document.addEventListener("click", (event) => {
    document.querySelectorAll("details:is(.gw-filter-menu, .gw-range-other)[open]").forEach((details) => {
      if (!details.contains(event.target)) details.open = false;
    });
  });

  const histogram = document.querySelector("[data-gateway-histogram]");
  const bars = histogram ? [...histogram.children] : [];
  let first = -1;
  let last = -1;
  const mark = () => {
    const [from, to] = [Math.min(first, last), Math.max(first, last)];
    bars.forEach((bar, at) => bar.classList.toggle("gw-dragged", first >= 0 && at >= from && at <= to));
  };
  histogram?.addEventListener("dragstart", (event) => event.preventDefault());
  histogram?.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    first = last = bars.indexOf(event.target.closest("a"));
  });
  histogram?.addEventListener("pointermove", (event) => {
    const at = bars.indexOf(event.target.closest("a"));
    if (first < 0 || at < 0) return;
    last = at;
    if (first !== last) mark();
  });
  histogram?.addEventListener("click", (event) => {
    // A click ends a drag that began and ended on the same bar as any link.
    if (first >= 0 && first !== last) event.preventDefault();
  });
  document.addEventListener("pointerup", () => {
    if (first >= 0 && last >= 0 && first !== last) {
      const [from, to] = [bars[Math.min(first, last)], bars[Math.max(first, last)]];
      const url = new URL(from.href);
      url.searchParams.set("to", new URL(to.href).searchParams.get("to"));
      location.href = url.href;
    }
    first = last = -1;
    mark();
  });
})();
