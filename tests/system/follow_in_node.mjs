// Follows SSE streams with Node's `eventsource` until each of them is closed for good, and says what it sees, a JSON
// object per line: {at, status, resumedFrom} for a request's answer, {at, open}, {at, event, id, data}, {at, closed}.
// Usage: node follow_in_node.mjs URL...
import { EventSource } from "eventsource";

const types = ["snapshot", "progress", "completed", "failed", "cancelled", "removed", "gap", "message"];
const say = (fact) => process.stdout.write(JSON.stringify(fact) + "\n");

process.argv.slice(2).forEach((url, at) => {
  const source = new EventSource(url, {
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
