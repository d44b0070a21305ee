// An answer without streaming, and the id of its request.
import { asking, client, first, tell } from "./asking.mjs";

const message = await client.messages.create(asking([first]));
tell({ message, request_id: message._request_id });
