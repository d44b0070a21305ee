/* The playground: reads the form, asks for a token, and sends the request to the API of this gateway itself. The token is
   in a header alone; it is kept nowhere, and nothing of the form is. */
import { Answer } from "./playground_answer.js";

const form = document.getElementById("playground");

const field = (name) => form.elements[name];
const problem = form?.querySelector("[data-problem]");
const said = form?.querySelector("[data-said]");
const stop = form?.querySelector("[data-stop]");
let running = [];

class WrongField extends Error {
  constructor(name, message) {
    super(message);
    this.field = name;
  }
}

function tools() {
  const text = field("tools").value.trim();
  if (!text) return null;
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new WrongField("tools", `This is not JSON: ${error.message}. Put names and texts in double quotes.`);
  }
  if (!Array.isArray(found)) throw new WrongField("tools", "Put the tools into a list: [ … ].");
  return found.length ? found : null;
}

/* The body of a request, in the order in which a reader expects its fields. Throws WrongField. */
function body(model) {
  const most = Number(field("max_tokens").value);
  if (!Number.isInteger(most) || most < 1) throw new WrongField("max_tokens", "Enter a whole number from 1.");
  const prompt = field("prompt").value;
  if (!prompt.trim()) throw new WrongField("prompt", "Enter what to ask.");
  if (!model.trim()) throw new WrongField("model", "Enter a route or a model.");
  const found = { model: model.trim(), max_tokens: most };
  if (field("system").value.trim()) found.system = field("system").value;
  found.messages = [{ role: "user", content: prompt }];
  const listed = tools();
  if (listed) found.tools = listed;
  if (field("thinking").checked) found.thinking = { type: "adaptive", display: "summarized" };
  found.stream = field("stream").checked;
  return found;
}

function bodies() {
  const second = field("second").value.trim();
  return [field("model").value, ...(second ? [second] : [])].map(body);
}

function clearProblems() {
  problem.hidden = true;
  for (const old of form.querySelectorAll("[data-wrong]")) old.remove();
  for (const one of form.querySelectorAll("[aria-invalid]")) {
    one.removeAttribute("aria-invalid");
    one.removeAttribute("aria-describedby");
  }
}

function show(error) {
  const named = error.field && field(error.field);
  if (!named) {
    problem.textContent = error.message;
    problem.hidden = false;
    return;
  }
  const place = document.createElement("p");
  place.className = "pg-problem";
  place.dataset.wrong = "";
  place.id = `wrong-${error.field}`;
  place.setAttribute("role", "alert");
  place.textContent = error.message;
  named.after(place);
  named.setAttribute("aria-invalid", "true");
  named.setAttribute("aria-describedby", place.id);
  named.focus();
}

/* The form's own proof that it is of this site. A new sign-in in another tab changes it: it is read from the page anew. */
async function renew() {
  const page = new DOMParser().parseFromString(await (await fetch(location.pathname)).text(), "text/html");
  const fresh = page.querySelector("#playground [name=csrfmiddlewaretoken]")?.value;
  if (fresh) field("csrfmiddlewaretoken").value = fresh;
  return Boolean(fresh);
}

/* Throws an Error that says what to do. */
async function token(again = true) {
  const sent = new URLSearchParams({
    team: field("team").value,
    csrfmiddlewaretoken: field("csrfmiddlewaretoken").value,
  });
  let answer;
  try {
    answer = await fetch(form.dataset.token, { method: "POST", body: sent, redirect: "manual", cache: "no-store" });
  } catch {
    throw new Error("The gateway does not answer. Check your connection and send again.");
  }
  if (answer.type === "opaqueredirect" || answer.status === 401)
    throw new Error("You are signed out. Sign in again in another tab, then send again: nothing typed here is lost.");
  const found = await answer.json().catch(() => ({}));
  if (found.token) return found.token;
  if (answer.status === 403 && !found.message && again && (await renew())) return token(false);
  throw new Error(found.message ?? `The page answered with ${answer.status}. Reload it and send again.`);
}

function request(path, secret, what, signal) {
  return fetch(path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${secret}`,
      "anthropic-version": "2023-06-01",
      "content-type": "application/json",
    },
    body: JSON.stringify(what),
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    signal,
  });
}

async function send() {
  if (running.length) return;
  clearProblems();
  said.textContent = "";
  let wanted, secret;
  try {
    wanted = bodies();
    secret = await token();
  } catch (error) {
    show(error);
    return;
  }
  const place = document.querySelector("[data-answers]");
  place.classList.toggle("pg-two", wanted.length > 1);
  running = wanted.map((what) => new Answer(what, form.dataset.row));
  place.replaceChildren(...running.map((one) => one.element));
  stop.hidden = false;
  await Promise.all(running.map((one) => one.run((signal) => request("/v1/messages", secret, one.body, signal))));
  running = [];
  stop.hidden = true;
}

async function count() {
  clearProblems();
  said.textContent = "Counting …";
  try {
    const counted = [];
    const secret = await token();
    for (const { max_tokens, stream, ...what } of bodies()) {
      const answer = await request("/v1/messages/count_tokens", secret, what);
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error?.message ?? `The gateway answered with ${answer.status}.`);
      counted.push(`${what.model}: ${found.input_tokens.toLocaleString("en-US")} tokens`);
    }
    said.textContent = counted.join(" · ");
  } catch (error) {
    said.textContent = "";
    show(error);
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl() {
  let lines;
  try {
    lines = bodies().map((what) =>
      [
        `curl -N ${quoted(`${form.dataset.base}/v1/messages`)}`,
        `-H "x-api-key: $ANTHROPIC_API_KEY"`,
        `-H 'anthropic-version: 2023-06-01'`,
        `-H 'content-type: application/json'`,
        `-d ${quoted(JSON.stringify(what, null, 2))}`,
      ].join(" \\\n  "),
    );
  } catch (error) {
    lines = [`# ${error.message}`];
  }
  document.querySelector("[data-curl]").textContent = lines.join("\n\n");
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    }
  });
  form.addEventListener("input", curl);
  form.querySelector("[data-example]").addEventListener("click", () => {
    field("tools").value = document.getElementById("playground-tools").content.textContent;
    curl();
  });
  form.querySelector("[data-count]").addEventListener("click", count);
  stop.addEventListener("click", () => running.forEach((one) => one.stop()));
  curl();
}
