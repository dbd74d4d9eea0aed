// A progress hub as a good Node programmer would write it, with node:http and nothing else: the peer
// that most people would otherwise use.
//
//   node hub.mjs PORT            port 0: any; the address is printed
//
//   GET  /v1/jobs/{id}/events    a stream of the job's events
//   POST /v1/jobs/{id}           one report: {"done":…, "message":…}
//   POST /v1/reports             many, a line each, each with its "job"
//
// It keeps what it must: each job's readers and last values. An event is encoded once and written to
// each reader; a reader that is slow is Node's to buffer, without a bound, as such hubs do.
import { createServer } from 'node:http';

const TOTAL = Number.MAX_SAFE_INTEGER;
const STREAM_HEAD = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
};
const JOB_EVENTS = /^\/v1\/jobs\/([^/]+)\/events$/;
const JOB = /^\/v1\/jobs\/([^/]+)$/;

const jobs = new Map();
let lastEventId = 0;

function jobOf(id) {
  let job = jobs.get(id);
  if (job === undefined) {
    job = { id, done: 0, message: null, startedAt: Date.now(), readers: new Set() };
    jobs.set(id, job);
  }
  return job;
}

function follow(id, response) {
  const { readers } = jobOf(id);
  response.writeHead(200, STREAM_HEAD);
  response.write('retry: 2000\n\n');
  readers.add(response);
  response.on('close', () => readers.delete(response));
}

function report(job, { done, message }) {
  if (!Number.isInteger(done) || done < job.done) return false;
  job.done = done;
  if (message !== undefined) job.message = message;
  if (job.readers.size === 0) return true;
  const seconds = (Date.now() - job.startedAt) / 1000;
  const ratePerSecond = Math.round((100 * done) / seconds) / 100;
  const data = JSON.stringify({
    id: job.id,
    kind: null,
    state: 'active',
    done,
    total: TOTAL,
    percent: Math.round((10000 * done) / TOTAL) / 100,
    message: job.message,
    ratePerSecond,
    etaSeconds: Math.min(Math.round((TOTAL - done) / ratePerSecond), 2e9),
  });
  const event = `event: progress\nid: ${++lastEventId}\ndata: ${data}\n\n`;
  for (const reader of job.readers) reader.write(event);
  return true;
}

function readBody(request, whenRead) {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (part) => (body += part));
  request.on('end', () => whenRead(body));
}

function answer(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

function takeReports(body) {
  const outcome = { accepted: 0, rejected: [] };
  body.split('\n').forEach((line, index) => {
    if (line === '') return;
    try {
      const fields = JSON.parse(line);
      if (!report(jobOf(fields.job), fields)) throw new RangeError('done goes back');
      ++outcome.accepted;
    } catch (error) {
      outcome.rejected.push({ line: index + 1, detail: error.message });
    }
  });
  return outcome;
}

function takeReport(id, body) {
  try {
    return report(jobOf(id), JSON.parse(body));
  } catch {
    return false;
  }
}

const server = createServer((request, response) => {
  const { method, url } = request;
  const stream = method === 'GET' && JOB_EVENTS.exec(url);
  if (stream) return follow(stream[1], response);
  if (method !== 'POST') return answer(response, 405, {});
  if (url === '/v1/reports') {
    return readBody(request, (body) => answer(response, 200, takeReports(body)));
  }
  const one = JOB.exec(url);
  if (!one) return answer(response, 404, {});
  readBody(request, (body) => {
    const isTaken = takeReport(one[1], body);
    answer(response, isTaken ? 200 : 422, { accepted: isTaken ? 1 : 0 });
  });
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
