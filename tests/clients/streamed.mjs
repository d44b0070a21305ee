// Text with the stream helper: the deltas as they came and the message that the helper made of them.
import { asking, client, first, tell } from "./asking.mjs";

const pieces = [];
const stream = client.messages.stream(asking([first])).on("text", (piece) => pieces.push(piece));
const message = await stream.finalMessage();
tell({ pieces, message, text: await stream.finalText() });
