// Follows jobs with the client library while connections are cut at random and jobs join one after the other, and
// checks that each following is told every step of its job once, in order. A step may only be missing before a
// snapshot: that is what a stream begins with when it has nothing to go on from.
// Usage: node follow_with_client.mjs UPSTREAM
import { createJob, followJob } from "../../tools/clients/js/src/index.js";
import { say } from "./chromium.mjs";
import { startSite } from "./site.mjs";

const JOBS = 20;
const STEPS = 60;
const site = await startSite(process.argv[2], {});
const options = { baseUrl: site.url, retryMs: 20 };
const faults = [];
const followings = [];
let cuts = 0;

async function begin(number) {
  const { id } = await createJob({ total: STEPS, stepMs: 50, kind: `number ${number}` }, { baseUrl: process.argv[2] });
  let last = -1;
  const seen = new Set();
  const following = followJob(id, {
    ...options,
    onEvent: ({ type, id: eventId, data }) => {
      if (type === "gap") return seen.clear(); // a snapshot follows, changed or not
      const at = data.eventId ?? eventId;
      if (seen.has(at)) faults.push(`${number}: ${type} ${at} came twice`);
      seen.add(at);
      if (data.done < last) faults.push(`${number}: ${data.done} after ${last}`);
      if (type === "progress" && data.done > last + 1) faults.push(`${number}: ${data.done} after ${last}, by ${type}`);
      last = data.done;
    },
  });
  followings.push(following);
}

const cutting = setInterval(() => {
  if (Math.random() < 0.3) return;
  cuts += 1;
  site.cut();
}, 150);

for (let number = 0; number < JOBS; number += 1) {
  await begin(number);
  await new Promise((pass) => setTimeout(pass, 50 * Math.random()));
}
say({ jobs: JOBS });
const ends = await Promise.all(followings.map(({ done }) => done));
clearInterval(cutting);
site.close();
say({ completed: ends.filter(({ state, done }) => state === "completed" && done === STEPS).length, cuts, faults });
process.exit(0);
