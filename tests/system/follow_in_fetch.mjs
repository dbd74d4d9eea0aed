// Follows SSE streams as pages do that need a header on their request: fetch, and a reader whose every network chunk
// is split into lines, each believed to be whole. Says {ready}, {at, status}, {at, event, data} for a `data: ` line,
// {at, error} for one that is no JSON, and {at, closed}. Leaves a stream, as those pages do, when a status says that
// the job is over. Which streams: a line of input, a JSON array of paths.
// Usage: node follow_in_fetch.mjs ORIGIN
import { once } from "node:events";
import { createInterface } from "node:readline";

const say = (fact) => process.stdout.write(JSON.stringify(fact) + "\n");

async function follow(path, at) {
  const controller = new AbortController();
  const response = await fetch(process.argv[2] + path, {
    headers: { Authorization: "Bearer none", Accept: "text/event-stream", "Cache-Control": "no-cache" },
    signal: controller.signal,
  });
  say({ at, status: response.status });
  if (!response.ok) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  while (!controller.signal.aborted) {
    const { done, value } = await reader.read();
    if (done) break;
    for (const line of decoder.decode(value).split("\n")) {
      if (!line.startsWith("data: ")) continue;
      try {
        const data = JSON.parse(line.slice(6));
        say({ at, event: "message", data: line.slice(6) });
        if (data.type === "job_update" && ["completed", "failed"].includes(data.status)) controller.abort();
      } catch (error) {
        say({ at, error: String(error), line });
      }
    }
  }
  say({ at, closed: true });
}

const input = createInterface({ input: process.stdin });
say({ ready: true });
const [line] = await once(input, "line");
input.close();
await Promise.all(JSON.parse(line).map(follow));
