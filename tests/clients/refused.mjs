// What the SDK throws, for a stream and for an answer without one.
import { asking, client, first, tell, told } from "./asking.mjs";

const errors = [];
for (const ask of [
  () => client.messages.stream(asking([first])).finalMessage(),
  () => client.messages.create(asking([first])),
])
  await ask().then((message) => errors.push({ message }), (error) => errors.push(told(error)));
tell({ errors });
