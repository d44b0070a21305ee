// The raw events of a stream, by type.
import { asking, client, first, tell } from "./asking.mjs";

const types = [];
for await (const event of await client.messages.create(asking([first], { stream: true }))) types.push(event.type);
tell({ types });
