// Follows SSE streams with Chromium's EventSource until each of them is closed for good. Says the same as
// follow_in_node.mjs.
// Usage: node follow_in_chromium.mjs ORIGIN PROFILE
import { once } from "node:events";
import { createInterface } from "node:readline";
import { launch, say } from "./chromium.mjs";

const [origin, profile] = process.argv.slice(2);
const context = await launch(profile);
const page = await context.newPage();
await page.goto(origin + "/healthz"); // any page of that origin will do

const input = createInterface({ input: process.stdin });
say({ ready: true });
const [line] = await once(input, "line");
input.close();
const paths = JSON.parse(line);

const placeOf = (url) => paths.indexOf(url.slice(origin.length));
page.on("response", async (answer) => {
  const at = placeOf(answer.url());
  if (at < 0) return;
  const resumedFrom = answer.request().headers()["last-event-id"] ?? null;
  say({ at, status: answer.status(), resumedFrom });
});

let finish;
const allClosed = new Promise((resolve) => (finish = resolve));
const open = new Set(paths.keys());
await page.exposeFunction("tell", (fact) => {
  say(fact);
  if (fact.closed) open.delete(fact.at);
  if (open.size === 0) finish();
});

await page.evaluate((paths) => {
  const types = ["snapshot", "progress", "completed", "failed", "cancelled", "removed", "gap", "message"];
  paths.forEach((path, at) => {
    const source = new EventSource(path);
    source.onopen = () => tell({ at, open: true });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) tell({ at, closed: true });
    };
    for (const type of types) {
      source.addEventListener(type, (event) => tell({ at, event: type, id: event.lastEventId, data: event.data }));
    }
  });
}, paths);

await allClosed;
await context.close();
