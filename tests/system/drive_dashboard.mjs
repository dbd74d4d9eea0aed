// Drives the dashboard in Chromium as its input says: a JSON object per line, {do, …}, each answered by {result} or
// {error}. Keeps what the browser complains of, and what it asks of anybody but the dashboard's own server.
// Usage: node drive_dashboard.mjs PROFILE PATIENCE_MS
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { launch, say } from "./chromium.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [profile, patienceMs] = process.argv.slice(2);
const context = await launch(profile, { args: ["--hide-scrollbars"] });
let page = null;
let complaints = [];

function listen(opened, origin) {
  const complain = (text) => page === opened && complaints.push(text);
  opened.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") complain(line.text());
  });
  opened.on("pageerror", (error) => complain(String(error.stack ?? error)));
  opened.on("request", (request) => {
    const isOutside = /^(https?|wss?):/.test(request.url()) && !request.url().startsWith(origin + "/");
    if (isOutside) complain(`outside: ${request.url()}`);
  });
}

const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

// A page that reloads itself takes what was being asked of it along: that is no answer yet.
async function unlessReloaded(ask) {
  try {
    return await ask();
  } catch (error) {
    if (!/Execution context was destroyed|navigation/.test(String(error))) throw error;
    await page.waitForLoadState();
    return null;
  }
}

const deeds = {
  async open({ origin, path, held }) {
    await page?.close();
    await context.clearCookies();
    complaints = [];
    page = await context.newPage();
    page.setDefaultTimeout(Number(patienceMs));
    listen(page, origin);
    if (held) await deeds.hold({ pattern: held });
    await page.goto(origin + path);
  },
  async look({ width, height, scheme, reducedMotion }) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion });
    await drawn();
  },
  // Chromium runs an expression of the protocol's own whatever the page's policy forbids its scripts.
  async axe() {
    await page.evaluate(axe);
    const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
    const said = (nodes) => nodes.map(({ html, failureSummary }) => ({ html, failureSummary }));
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: said(nodes) }));
  },
  async picture({ path }) {
    await drawn();
    await page.screenshot({ path });
  },
  reload: () => page.reload().then(() => null),
  click: ({ selector }) => page.locator(selector).first().click(),
  fill: ({ selector, text }) => page.locator(selector).fill(text),
  hover: ({ selector }) => page.locator(selector).hover(),
  press: ({ key }) => page.keyboard.press(key),
  // Not by waitForFunction: it has the page itself evaluate the text, which the page's policy forbids.
  async wait({ code }) {
    const deadline = Date.now() + Number(patienceMs);
    while (!(await unlessReloaded(() => page.evaluate(code)))) {
      if (Date.now() > deadline) throw new Error(`in vain; the page is\n${await page.locator("body").innerText()}`);
      await unlessReloaded(drawn);
    }
  },
  eval: ({ code }) => page.evaluate(`(async () => ${code})()`),
  // A screen that is touched, from here on.
  async touch() {
    const browser = await context.newCDPSession(page);
    await browser.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    await browser.send("Emulation.setEmitTouchEventsForMouse", { enabled: true, configuration: "mobile" });
  },
  drawn,
  // What the browser asks the server from here on waits for a while, or goes on again.
  async hold({ pattern }) {
    await page.route(pattern, () => {});
  },
  // What it asks is answered by this instead of the server.
  async answer({ pattern, status, headers, body }) {
    await page.route(pattern, (route) => route.fulfill({ status, headers, body }));
  },
  cookie: ({ origin, name, value }) => context.addCookies([{ url: origin, name, value }]),
  release: ({ pattern }) => page.unroute(pattern),
  complaints: () => complaints,
};

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  await Promise.resolve(deeds[asked.do](asked)).then(
    (result) => say({ result: result ?? null }),
    (error) => say({ error: String(error) }),
  );
}
await context.close();
