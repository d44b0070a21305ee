/* The set-up guide: makes a key, waits for the newest request, and sends one. Each part works where it stands alone. */
(() => {
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  /* A key, whose secret is in the answer alone. */
  let madeAt = 0;
  const secret = () => document.querySelector("[data-gateway-secret]")?.textContent.trim();
  const showOwnKey = () => {
    const field = document.querySelector("[data-gateway-own-key]");
    if (field && secret()) field.hidden = true;
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-gateway-guide-make]");
    if (!form) return;
    event.preventDefault();
    const place = document.querySelector("[data-gateway-guide-key]");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (answer.redirected || !(answer.ok || answer.status === 409)) throw new Error(`HTTP ${answer.status}`);
      place.innerHTML = await answer.text();
      if (secret()) {
        madeAt = Date.now();
        form.hidden = true;
        showOwnKey();
      }
    } catch (error) {
      place.prepend(`No key was made (${error.message}). Reload the page and try again.`);
    } finally {
      button.disabled = false;
    }
  });

  /* The newest request. A look is one small query; nobody looks while the page is hidden. */
  const watch = (panel) => {
    const began = Date.now();
    let shown = "", failures = 0, timer;
    const delay = () => {
      if (failures) return Math.min(500 * 2 ** failures, 30_000);
      const minutes = (Date.now() - began) / 60_000;
      const waits = !shown || panel.querySelector("[data-gateway-waits]");
      return !waits || minutes > 5 ? (minutes > 30 ? 15_000 : 2_000) : 500;
    };
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden) return;
      try {
        const answer = await fetch(`${panel.dataset.gatewayNewest}?since=${panel.dataset.since}&shown=${shown}`);
        if (answer.redirected || [401, 403].includes(answer.status)) {
          panel.textContent = "You are signed out. Sign in again, and reload this page.";
          return;
        }
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        failures = 0;
        if (answer.status === 200) {
          panel.innerHTML = await answer.text();
          shown = panel.querySelector("[data-gateway-row]")?.dataset.gatewayRow || shown;
        } else if (!shown && Date.now() - began > 20_000) {
          panel.querySelector("[data-gateway-nothing]")?.removeAttribute("hidden");
        }
      } catch {
        failures += 1;
      }
      timer = setTimeout(look, delay());
    };
    document.addEventListener("visibilitychange", look);
    look();
  };

  /* A real request through the gateway, as any client sends it. */
  const say = (output, text) => output.append(text);
  const events = async function* (body) {
    const decoder = new TextDecoder();
    let rest = "";
    for (const reader = body.getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const data = part.split("\n").find((line) => line.startsWith("data:"));
        if (data) yield JSON.parse(data.slice(5));
      }
    }
  };
  const ask = (url, key, form) => fetch(url, {
    method: "POST",
    credentials: "omit",
    headers: { "content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": key },
    body: JSON.stringify({
      model: form.elements.route.value, max_tokens: 256, stream: true,
      messages: [{ role: "user", content: form.elements.text.value }],
    }),
  });
  const send = async (form, output) => {
    const key = secret() || form.elements.key.value.trim();
    if (!key) return say(output, "Make a key above, or paste one.");
    // Every worker knows a new key within a second.
    await pause(Math.max(0, madeAt + 1_000 - Date.now()));
    let answer = await ask(form.dataset.gatewaySend, key, form);
    while (answer.status === 401 && Date.now() - madeAt < 5_000) {
      await pause(300);
      answer = await ask(form.dataset.gatewaySend, key, form);
    }
    if (!answer.ok) {
      const body = await answer.json().catch(() => null);
      return say(output, `HTTP ${answer.status}: ${body?.error?.message || "no answer of this gateway's API"}`);
    }
    for await (const event of events(answer.body)) {
      if (event.type === "content_block_delta" && event.delta.text) say(output, event.delta.text);
      if (event.type === "error") say(output, `\n${event.error.message}`);
    }
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-gateway-send]");
    if (!form) return;
    event.preventDefault();
    const output = form.querySelector("[data-gateway-answer]");
    const button = form.querySelector("button");
    output.textContent = "";
    output.hidden = false;
    button.disabled = true;
    try {
      await send(form, output);
    } catch (error) {
      say(output, `The answer broke off: ${error.message}`);
    } finally {
      button.disabled = false;
    }
  });

  showOwnKey();
  document.querySelectorAll("[data-gateway-newest]").forEach(watch);
})();
