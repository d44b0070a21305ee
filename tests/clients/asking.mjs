// What every script here shares: the client, from the environment, and the answer as one line of JSON on stdout.
import Anthropic from "@anthropic-ai/sdk";

const { GATEWAY, KEY, MODEL, PROMPT } = process.env;

export const client = new Anthropic({ baseURL: GATEWAY, apiKey: KEY, maxRetries: 0 });

export const TOOLS = [
  {
    name: "get_weather",
    description: "The weather.",
    input_schema: { type: "object", properties: { city: { type: "string" } } },
  },
];

export const first = { role: "user", content: PROMPT };

export function asking(messages, more = {}) {
  return { model: MODEL, max_tokens: 1000, messages, ...more };
}

export function tell(answer) {
  console.log(JSON.stringify(answer));
}

export function told(error) {
  return { error: error.constructor.name, status: error.status, type: error.type, message: error.message };
}
