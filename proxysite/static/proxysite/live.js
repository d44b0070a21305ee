/* The live view: a WebSocket tells once a second what runs and what has ended. The page says what it shows, and what it
   cannot; while nobody has it before their eyes it closes the socket. */
(() => {
  const LONGEST_WAIT = 30;
  const SILENCE = 6000;
  const UNSEEN = 60000;
  const place = document.querySelector("[data-gateway-live]");
  if (!place) return;
  const { login, key, route, request, cut, cutTeams, gatewayLive } = place.dataset;
  // Those of which a lead cuts streams; an administrator cuts all.
  const teams = cutTeams ? JSON.parse(cutTeams) : null;
  const outcomes = JSON.parse(place.dataset.outcomes);
  const state = place.querySelector("[data-live-state]");
  const filter = place.querySelector("[data-live-filter]");
  const pause = place.querySelector("[data-live-pause]");
  const bodies = { running: place.querySelector("[data-live-running]"), ended: place.querySelector("[data-live-ended]") };
  const more = place.querySelector("[data-live-more]");
  let socket = null;
  let tries = 0;
  let heard = 0;
  let timer = null;
  let hides = null;
  let ends = "";
  let paused = false;
  let news = { running: [], ended: [], left_off: 0, workers: 0 };

  const say = (mode, text) => {
    place.dataset.liveMode = mode;
    if (state.textContent !== text) state.textContent = text;
  };
  const count = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
  const seconds = (value) =>
    value === undefined ? "—" : value < 60 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  const span = (value) => (value !== undefined && value < 1 ? `${Math.round(value * 1000)} ms` : seconds(value));
  const tokens = (one) => (one.tokens === undefined ? "—" : `${one.exact ? "" : "≈ "}${one.tokens.toLocaleString("en")}`);
  const rate = (value) => (value === undefined ? "—" : `${value < 10 ? value.toFixed(1) : Math.round(value)}/s`);
  /* As usage/reports/formatting.py writes columns: figure spaces keep the points below each other. */
  const cost = (value) => {
    if (value === undefined) return "—";
    if (value === 0 || value >= 0.99995) return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}\u2007\u2007`;
    return value >= 0.00005 ? `$${value.toFixed(4)}` : "<$0.0001";
  };
  const clock = (at) => {
    const when = new Date(at * 1000);
    return [when.getHours(), when.getMinutes(), when.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
  };

  /* A cell: text, a link where there is an address, and a second line. */
  const put = (cell, text, url, below) => {
    const wanted = JSON.stringify([text, url, below]);
    if (cell.dataset.is === wanted) return;
    cell.dataset.is = wanted;
    const shown = document.createElement(url ? "a" : "span");
    if (url) {
      shown.href = url;
      shown.className = "text-link";
    }
    shown.textContent = text;
    cell.replaceChildren(shown);
    if (below) {
      const line = document.createElement("span");
      line.className = "gw-soft gw-block";
      line.textContent = below;
      cell.append(line);
    }
  };
  const at = (template, id) => (template && id !== undefined ? template.replace("ID", id) : "");
  const told = (one) => {
    if (one.number === undefined) return "being routed";
    if (one.first === undefined) return "waiting for the provider";
    return one.quiet > 3 ? `silent for ${Math.round(one.quiet)} s` : one.streamed ? "streaming" : "being collected";
  };
  const mayCut = (one) => !teams || teams.includes(one.team_id);
  const who = (one) => [one.key || "—", at(key, one.key_id), [one.team, one.owner].filter(Boolean).join(", ")];
  const what = (one) => [one.model || "—", "", one.provider];
  const bad = (one) => ["failed", "refused", "interrupted"].includes(one.outcome);

  const NUMBER = "gw-number";
  const NAME = "gw-name";
  const columns = {
    running: [
      [NAME, "", who],
      [NAME, "", (one) => [one.route || "—", at(route, one.route_id), one.streamed ? "" : "without streaming"]],
      [NAME, "", what],
      [NUMBER, "attempt", (one) => [String(one.number ?? 0)]],
      [NUMBER, "for", (one) => [seconds(one.seconds ?? 0)]],
      [NUMBER, "first token", (one) => [span(one.first)]],
      [NUMBER, "tokens", (one) => [tokens(one)]],
      [NUMBER, "", (one) => [rate(one.rate)]],
      ["", "", (one) => [told(one)]],
      ...(cut ? [["", "", (one) => (mayCut(one) ? ["Cut", at(cut, one.id)] : [""])]] : []),
    ],
    ended: [
      ["", "", (one) => [clock(one.at), at(request, one.id)]],
      [NAME, "", who],
      [NAME, "", (one) => [one.route || "—", at(route, one.route_id)]],
      [NAME, "", what],
      ["", "", (one) => [outcomes[one.outcome] ?? one.outcome, "", one.code]],
      [NUMBER, "attempts", (one) => [String(one.number ?? 0)]],
      [NUMBER, "duration", (one) => [span(one.seconds ?? 0)]],
      [NUMBER, "first token", (one) => [span(one.first)]],
      [NUMBER, "tokens", (one) => [tokens(one)]],
      [NUMBER, "", (one) => [rate(one.rate)]],
      [NUMBER, "", (one) => [cost(one.cost)]],
    ],
  };

  const line = (which, one) => {
    const row = document.createElement("tr");
    row.dataset.id = one.id;
    for (const [kind, before] of columns[which]) {
      const cell = row.insertCell();
      cell.className = kind;
      if (before) cell.dataset.before = before;
    }
    return row;
  };
  const fill = (which, row, one) => {
    columns[which].forEach(([, , tells], index) => put(row.cells[index], ...tells(one)));
    if (which === "ended") row.cells[4].classList.toggle("gw-live-bad", bad(one));
    const button = cut && which === "running" ? row.querySelector("td:last-child a") : null;
    if (button) {
      button.className = "gw-live-cut";
      button.setAttribute("aria-label", `Cut the stream of ${one.key || "a key"} on ${one.route || "no route"}`);
    }
  };
  const chosen = (one) => {
    const words = filter.value.trim().toLowerCase();
    const text = [one.key, one.team, one.owner, one.route, one.model, one.provider, one.outcome, one.code].join(" ").toLowerCase();
    return words.split(/\s+/).every((word) => text.includes(word));
  };
  /* Rows stay where they are and change in place, so that whoever is about to press one presses that one. */
  const show = (which) => {
    const body = bodies[which];
    const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
    const wanted = news[which].filter(chosen);
    let next = body.firstElementChild;
    for (const one of wanted) {
      const row = rows.get(one.id) ?? line(which, one);
      rows.delete(one.id);
      fill(which, row, one);
      if (row === next) next = next.nextElementSibling;
      else body.insertBefore(row, next);
    }
    for (const row of rows.values()) row.remove();
    const none = body.closest(".gw-scroll").nextElementSibling;
    none.hidden = wanted.length > 0;
    none.dataset.all ??= none.textContent;
    none.textContent = news[which].length ? "Nothing here fits the filter." : news.workers ? none.dataset.all : "Waiting for the workers…";
  };
  const render = () => {
    show("running");
    show("ended");
    more.hidden = !news.left_off;
    more.textContent = `${count(news.left_off, "stream")} more run: the page shows those that began first.`;
  };
  const status = () => {
    if (paused) return say("paused", "Paused: the page stands still, streams go on");
    say("live", news.workers ? `Live: ${count(news.running.length + news.left_off, "stream")} in ${count(news.workers, "worker")}` : "Live: waiting for the workers…");
  };

  const onMessage = (event) => {
    heard = Date.now();
    tries = 0;
    const told = JSON.parse(event.data);
    if (told.trouble) return say("off", "The database does not answer. The page goes on when it does");
    news = { ended: news.ended, ...{ running: [], left_off: 0, workers: 0 }, ...told };
    if (!paused) render();
    status();
  };
  const refusals = { 1013: "Too many browsers look at this page.", 4429: "You have this page open too often: close another one." };
  const wait = (why) => {
    const pause = Math.min(LONGEST_WAIT, 2 ** tries) * (0.75 + Math.random() / 2);
    tries += 1;
    let left = Math.ceil(pause);
    clearInterval(timer);
    const tell = () => say("off", `${why} Trying again in ${left} s`);
    tell();
    timer = setInterval(() => {
      left -= 1;
      if (left > 0) return tell();
      clearInterval(timer);
      connect();
    }, 1000);
  };
  const onClose = (event) => {
    socket = null;
    if (event.code === 4401) {
      ends = "You are signed out.";
      say("off", "You are signed out: ");
      const link = document.createElement("a");
      link.className = "text-link";
      link.href = `${login}?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = "sign in";
      state.append(link);
    } else if (event.code === 4403) {
      ends = "You may see no streams any more.";
      news = { running: [], ended: [], left_off: 0, workers: 0 };
      render();
      say("off", ends);
    } else if (document.hidden) say("off", "Disconnected while the page was out of sight");
    else wait(refusals[event.code] ?? "Disconnected.");
  };
  const connect = () => {
    if (socket || ends) return;
    clearInterval(timer);
    const url = new URL(gatewayLive, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    heard = Date.now();
    socket.addEventListener("message", onMessage);
    socket.addEventListener("close", onClose);
  };

  setInterval(() => {
    if (!socket || Date.now() - heard < SILENCE) return;
    say("off", `No news for ${Math.round((Date.now() - heard) / 1000)} s`);
    // A connection that is gone without a word is given up.
    if (Date.now() - heard > 4 * SILENCE) socket.close();
  }, 1000);
  filter.addEventListener("input", render);
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) render();
    if (socket) status();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hides);
    if (document.hidden) hides = setTimeout(() => socket?.close(), UNSEEN);
    else connect();
  });
  render();
  connect();
})();
