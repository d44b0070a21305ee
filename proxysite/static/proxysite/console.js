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

/* Parts that are read anew while somebody looks, all of one answer; one of them says after how many seconds. A chart
   stays where it is and draws the new data. */
(() => {
  const PART = "[data-gateway-refresh]";
  const seconds = () => Number(document.querySelector(`${PART}:not([data-gateway-refresh=""])`)?.dataset.gatewayRefresh);
  const replace = (old, fresh) => {
    const charts = [...old.querySelectorAll("canvas.chart")];
    const drawn = [...fresh.querySelectorAll("canvas.chart")];
    if (charts.length !== drawn.length) return location.reload();
    charts.forEach((canvas, at) => {
      Chart.getChart(canvas).data = JSON.parse(drawn[at].dataset.value);
      // With the element around it, whose size the chart follows.
      drawn[at].parentElement.replaceWith(canvas.parentElement);
    });
    old.replaceWith(fresh);
    charts.forEach((canvas) => Chart.getChart(canvas).update("none"));
  };
  const refresh = async () => {
    const parts = [...document.querySelectorAll(PART)];
    if (document.hidden || parts.some((part) => part.contains(document.activeElement))) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = [...page.querySelectorAll(PART)];
    if (fresh.length !== parts.length) return location.reload();
    parts.forEach((part, at) => replace(part, fresh[at]));
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (seconds()) setInterval(() => refresh().catch(() => {}), seconds() * 1000);
  });
})();

/* Tabs: a click or the arrow keys choose one; Home and End lead to the first and the last. */
(() => {
  const choose = (tab) => {
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    for (const one of tabs) {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = one !== tab;
    }
    tab.focus();
  };
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-gateway-tabs] [role=tab]");
    if (tab) choose(tab);
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest("[data-gateway-tabs] [role=tab]");
    if (!tab) return;
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    const at = tabs.indexOf(tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(tabs.at(to % tabs.length));
  });
})();
