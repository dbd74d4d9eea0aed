// Follows one job to its end, by its id and among all of the caller's, while the server is killed and started again.
// Says each event that either is told, and how the job stands after it.
// Usage: node follow_over_kills.mjs UPSTREAM JOB
import { followJob, followMine } from "../../tools/clients/js/src/index.js";
import { say } from "./chromium.mjs";

const [baseUrl, id] = process.argv.slice(2);
const note = (by) => {
  let heard;
  return {
    baseUrl,
    retryMs: 50,
    onEvent: (event) => {
      heard = event;
      if (event.type === "gap" || event.type === "removed") say({ by, type: event.type });
    },
    onJob: (job) => say({ by, type: heard.type, eventId: heard.data.eventId ?? heard.id, job }),
    onConnection: (connection) => say({ by, connection }),
  };
};
const among = followMine(note("mine"));
const last = await followJob(id, note("job")).done;
while (among.jobs.get(id)?.state !== "completed") await new Promise((pass) => setTimeout(pass, 5));
say({ end: last });
process.exit(0);
