// Uses the dashboard as a person would: starts a job of each runner by its button, sees the bar move, cancels, and
// lets one run to its end. Says what it saw, a JSON object per line.
// Usage: node use_dashboard.mjs PROFILE ORIGIN SCREENSHOT
import { launch, say } from "./chromium.mjs";

const [profile, origin, screenshot] = process.argv.slice(2);
const context = await launch(profile);
const page = await context.newPage();
page.setDefaultTimeout(Number(process.env.PATIENCE_MS ?? 60_000));
page.on("console", (line) => {
  if (line.type() === "error" || line.type() === "warning") say({ complaint: line.text() });
});
page.on("pageerror", (error) => say({ complaint: String(error) }));
page.on("requestfailed", (request) => {
  if (request.failure()?.errorText !== "net::ERR_ABORTED") say({ complaint: `${request.url()} failed` });
});
page.on("request", (request) => {
  if (/^(https?|wss?):/.test(request.url()) && !request.url().startsWith(origin + "/")) say({ outside: request.url() });
});
page.on("response", (answer) => {
  if (answer.status() >= 400) say({ complaint: `${answer.status()} for ${answer.url()}` });
});

await page.goto(origin + "/");
await page.locator('#connection[data-state="live"]').waitFor();
say({ live: true });

const rowOf = (runner) =>
  page.locator("li.job", { has: page.locator('[data-part="runner"]', { hasText: new RegExp(`^${runner}$`) }) }).first();

async function startAndSeeItMove(runner) {
  await page.locator(`[data-start="${runner}"]`).click();
  const row = rowOf(runner);
  const bar = row.getByRole("progressbar");
  await bar.waitFor();
  const value = async () => Number(await bar.getAttribute("aria-valuenow"));
  const widths = new Set();
  const values = [];
  while (values.length < 4) {
    const now = await value();
    if (values.length === 0 || now > values.at(-1)) values.push(now);
    widths.add(await row.locator('[data-part="fill"]').evaluate((fill) => fill.getBoundingClientRect().right));
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)));
  }
  say({ runner, values, positions: widths.size });
  return row;
}

for (const runner of ["timer", "cpu", "external"]) {
  const row = await startAndSeeItMove(runner);
  await page.screenshot({ path: screenshot });
  await row.getByRole("button", { name: /cancel/i }).click();
  await row.and(page.locator('[data-state="cancelled"]')).waitFor();
  say({ runner, cancelled: await row.locator('[data-part="id"]').innerText() });
}

const row = await startAndSeeItMove("cpu");
await row.and(page.locator('[data-state="completed"]')).waitFor();
say({ completed: await row.locator('[data-part="percent"]').innerText() });
await page.screenshot({ path: screenshot, fullPage: true });
await context.close();
