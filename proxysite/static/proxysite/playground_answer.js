/* One answer of the playground: the blocks of the message and the events as they come, beside each other. */

const MOST_SHOWN = 400_000; // characters of events, and of text in all
const POLLS = [300, 500, 800, 1200, 2000, 3000]; // milliseconds before each look for the usage row
const TITLES = { text: "Text", thinking: "Thinking", redacted_thinking: "Thinking, hidden", tool_use: "Tool call" };

/* Text that grows by one node; a browser lays it out once a frame. */
class Growing {
  constructor(element) {
    this.node = element.appendChild(document.createTextNode(""));
    this.waiting = "";
    this.length = 0;
  }
  add(text) {
    if (this.length > MOST_SHOWN) return;
    this.length += text.length;
    if (this.length > MOST_SHOWN) text += "\n… more came, which is not shown here.";
    if (!this.waiting) requestAnimationFrame(() => this.flush());
    this.waiting += text;
  }
  flush() {
    this.node.appendData(this.waiting);
    this.waiting = "";
  }
}

export class Answer {
  constructor(body, rows) {
    this.body = body;
    this.rows = rows;
    this.element = document.getElementById("playground-answer").content.firstElementChild.cloneNode(true);
    this.part(".pg-model").textContent = body.model;
    this.events = new Growing(this.part(".pg-events"));
    this.blocks = new Map();
    this.aborted = new AbortController();
    this.button = this.part("[data-stop-one]");
    this.button.addEventListener("click", () => this.stop());
  }

  part(selector) {
    return this.element.querySelector(selector);
  }

  stop() {
    this.aborted.abort();
  }

  /* Sends, shows, and looks for the row. Never throws. */
  async run(send) {
    this.began = performance.now();
    this.state("Waiting for the first token …");
    let id = null;
    try {
      const answer = await send(this.aborted.signal);
      id = answer.headers.get("request-id");
      this.status = answer.status;
      this.part(".pg-headers").textContent = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      if (!answer.ok) await this.refused(answer);
      else if (answer.headers.get("content-type")?.startsWith("text/event-stream")) await this.stream(answer);
      else this.whole(await answer.json());
    } catch (error) {
      this.failed(error);
    }
    this.button.hidden = true;
    // Nobody waits for the row.
    if (id && this.status !== 401) this.cost(id).catch(() => this.noRow(id));
  }

  async stream(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      this.events.add(value);
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) this.event(part);
    }
    if (!this.ended) this.problem("The answer broke off before its end. Send it again.");
  }

  event(text) {
    const data = text.split("\n").find((line) => line.startsWith("data:"));
    if (!data) return;
    const event = JSON.parse(data.slice(5));
    if (event.type === "content_block_start") this.block(event.index, event.content_block);
    else if (event.type === "content_block_delta") this.delta(event.index, event.delta);
    else if (event.type === "message_delta") this.why = event.delta?.stop_reason;
    else if (event.type === "message_stop") this.finish();
    else if (event.type === "error") this.broken(event.error);
  }

  block(index, block) {
    this.first ??= performance.now();
    this.state("Answering …");
    const place = document.createElement("section");
    const title = place.appendChild(document.createElement("h3"));
    title.textContent = (TITLES[block.type] ?? block.type) + (block.name ? `: ${block.name}` : "");
    const text = place.appendChild(document.createElement("div"));
    text.className = `pg-text pg-${block.type in TITLES ? block.type : "other"}`;
    this.part(".pg-blocks").append(place);
    const growing = new Growing(text);
    this.blocks.set(index, growing);
    if (block.type === "text" || block.type === "thinking") growing.add(block.text ?? block.thinking ?? "");
    else if (block.type === "tool_use" || block.type === "server_tool_use") {
      if (Object.keys(block.input ?? {}).length) growing.add(JSON.stringify(block.input, null, 2));
    } else if (block.type !== "redacted_thinking") growing.add(JSON.stringify(block, null, 2));
  }

  delta(index, delta) {
    const text = delta.text ?? delta.thinking ?? delta.partial_json;
    if (text) this.blocks.get(index)?.add(text);
  }

  whole(message) {
    this.events.add(JSON.stringify(message, null, 2));
    message.content.forEach((block, index) => this.block(index, block));
    this.why = message.stop_reason;
    this.first = null;
    this.finish();
  }

  finish() {
    this.ended = true;
    const seconds = (from) => `${((from - this.began) / 1000).toFixed(2)} s`;
    const first = this.first ? `, first token after ${seconds(this.first)}` : "";
    this.state(`${this.status} · ended with ${this.why ?? "no reason"} after ${seconds(performance.now())}${first}`);
  }

  async refused(answer) {
    const text = await answer.text();
    this.events.add(text);
    let error = { type: "", message: "This address has no API that answers. Is the gateway running behind it?" };
    try {
      error = JSON.parse(text).error ?? error;
    } catch {
      /* Not this gateway's answer: the sentence above says so. */
    }
    this.broken(error);
    if (answer.status === 401) this.problem(`${error.message} Nothing typed here is lost if you sign in in another tab.`);
  }

  broken(error) {
    this.ended = true;
    this.state(`${this.status} · ${error.type}`);
    this.problem(error.message);
  }

  failed(error) {
    if (this.aborted.signal.aborted) this.state("Stopped by you. What was written until then is counted.");
    else {
      this.state("No answer");
      this.problem(`The connection to the gateway failed: ${error.message}. Send it again.`);
    }
  }

  state(text) {
    this.part(".pg-state").textContent = text;
  }

  problem(text) {
    const place = this.part(".pg-problem");
    place.textContent = text;
    place.hidden = false;
  }

  async cost(id) {
    const place = this.part(".pg-cost");
    place.textContent = "Waiting for the usage row …";
    for (const wait of POLLS) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (!this.element.isConnected) return;
      const answer = await fetch(`${this.rows}?id=${encodeURIComponent(id)}`, { redirect: "manual" }).catch(() => null);
      if (!answer?.ok) break;
      const row = await answer.json();
      if (!row.found) continue;
      const counted = row.counted ? ` · cost ${row.cost} · ${row.input} tokens in, ${row.output} out` : "";
      place.replaceChildren(`${row.outcome}${counted} `);
      if (!row.url) return;
      const link = document.createElement("a");
      link.className = "text-link";
      link.href = row.url;
      link.textContent = "The usage row";
      place.append("· ", link);
      return;
    }
    this.noRow(id);
  }

  noRow(id) {
    this.part(".pg-cost").textContent = `No usage row yet for ${id}. Look for it under Requests in a minute.`;
  }
}
