// Thinking and parallel calls, then their results in a second turn.
import { TOOLS, asking, client, first, tell } from "./asking.mjs";

const inputs = [];
const stream = client.messages.stream(asking([first], { tools: TOOLS })).on("inputJson", (piece) => inputs.push(piece));
const message = await stream.finalMessage();
const results = message.content
  .filter((block) => block.type === "tool_use")
  .map((call) => ({ type: "tool_result", tool_use_id: call.id, content: `sunny in ${call.input.city}` }));
const history = [first, { role: "assistant", content: message.content }, { role: "user", content: results }];
const second = await client.messages.stream(asking(history, { tools: TOOLS })).finalMessage();
tell({ message, inputs, second });
