// Drives tabs of Chromium that use the client library, as its input says: a JSON object per line, {do, tab, …}. Each is
// answered by one line: {result}. The site that the tabs are on stands in front of progressd.
// Usage: node drive_client.mjs PROFILE UPSTREAM
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { launch, say } from "./chromium.mjs";
import { startSite } from "./site.mjs";

const [profile, upstream] = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const site = await startSite(upstream, {
  "/client/": here("../../tools/clients/js/"),
  "/workerless/": here("../../tools/clients/js/"), // but for its worker, see below
  "/pages/": here("./"),
});
const context = await launch(profile, {
  // Playwright turns it off, and it is what this is about.
  ignoreDefaultArgs: ["--disable-back-forward-cache"],
  // A name that is not the machine's own: a page there is no secure context, and has no Web Locks.
  args: ["--host-resolver-rules=MAP plain.test 127.0.0.1"],
});
await context.route("**/workerless/src/shared_worker.js", (route) => route.fulfill({ status: 404 }));

const tabs = {};
const url = (path, host) => (host ? site.url.replace("127.0.0.1", host) : site.url) + path;
// A headless browser freezes no page, as none is ever hidden: the page hears of it all the same.
const hear = (tab, event) => tabs[tab].evaluate(`void document.dispatchEvent(new Event("${event}"))`);

const deeds = {
  async open({ tab, client = "client", host }) {
    tabs[tab] = await context.newPage();
    tabs[tab].on("pageerror", (error) => say({ complaint: String(error) }));
    await tabs[tab].goto(url(`/pages/client_page.html?client=${client}`, host));
    await tabs[tab].waitForFunction(() => document.title === "ready");
  },
  // `code` is an expression, may use `given`, and may be a promise.
  call: ({ tab, code, given }) => tabs[tab].evaluate(`(async (given) => ${code})(${JSON.stringify(given ?? null)})`),
  close: ({ tab }) => tabs[tab].close(),
  async crash({ tab }) {
    const crashed = tabs[tab].waitForEvent("crash");
    tabs[tab].goto("chrome://crash").catch(() => {});
    await crashed;
  },
  async kill_worker({ tab }) {
    const browser = await context.newCDPSession(tabs[tab]);
    const { targetInfos } = await browser.send("Target.getTargets", { filter: [{ type: "shared_worker" }] });
    for (const { targetId } of targetInfos) await browser.send("Target.closeTarget", { targetId });
    return targetInfos.length;
  },
  freeze: ({ tab }) => hear(tab, "freeze"),
  thaw: ({ tab }) => hear(tab, "resume"),
  async leave({ tab }) {
    await tabs[tab].goto(url("/healthz"));
  },
  async back({ tab }) {
    await tabs[tab].evaluate("history.back()").catch(() => {});
    await tabs[tab].waitForFunction(() => document.title === "ready");
  },
  cut: () => site.cut(),
};

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  say({ result: (await deeds[asked.do](asked)) ?? null });
}
await context.close();
site.close();
