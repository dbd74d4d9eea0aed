// Follows SSE streams with Node's `eventsource` until each of them is closed for good, and says what it sees, a JSON
// object per line: {ready}, then {at, status, resumedFrom} for a request's answer, {at, open}, {at, event, id, data},
// {at, closed}. Which streams: a line of input, a JSON array of paths.
// Usage: node follow_in_node.mjs ORIGIN
import { once } from "node:events";
import { createInterface } from "node:readline";
import { EventSource } from "eventsource";

const types = ["snapshot", "progress", "completed", "failed", "cancelled", "removed", "gap", "message"];
const say = (fact) => process.stdout.write(JSON.stringify(fact) + "\n");

const input = createInterface({ input: process.stdin });
say({ ready: true });
const [line] = await once(input, "line");
input.close();

JSON.parse(line).forEach((path, at) => {
  const source = new EventSource(process.argv[2] + path, {
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      say({ at, status: answer.status, resumedFrom: new Headers(init.headers).get("Last-Event-ID") });
      return answer;
    },
  });
  source.addEventListener("open", () => say({ at, open: true }));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) say({ at, closed: true });
  });
  for (const type of types) {
    source.addEventListener(type, (event) => say({ at, event: type, id: event.lastEventId, data: event.data }));
  }
});
