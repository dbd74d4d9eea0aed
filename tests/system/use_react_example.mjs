// Uses the React example as people do: by the mouse, by the keyboard, on a narrow screen, in the dark, and by what a
// screen reader is told. Says what it saw, a JSON object per line, and takes pictures.
// Usage: node use_react_example.mjs PROFILE UPSTREAM PAGES PICTURES   (PAGES: the built page, PICTURES: a folder)
import { join } from "node:path";
import { launch, say } from "./chromium.mjs";
import { startSite } from "./site.mjs";

const [profile, upstream, pages, pictures] = process.argv.slice(2);
const site = await startSite(upstream, { "/": pages });
const context = await launch(profile, { args: ["--hide-scrollbars"] }); // they are in no layout then, and in no picture
const page = await context.newPage();
page.setDefaultTimeout(Number(process.env.PATIENCE_MS ?? 60_000));
page.on("console", (line) => {
  if (line.type() === "error" || line.type() === "warning") say({ complaint: line.text() });
});
page.on("pageerror", (error) => say({ complaint: String(error) }));
page.on("request", (request) => {
  if (/^(https?|wss?):/.test(request.url()) && !request.url().startsWith(site.url)) say({ outside: request.url() });
});
const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
const card = (title) => page.getByRole("region", { name: title });
const titles = [
  "A job of one’s own", "Job status", "Resume screening", "Queued jobs", "A looping task", "A started task",
]; // prettier-ignore

await page.goto(site.url + "/");
await card(titles[0]).waitFor();

// What a screen reader finds.
say({ bars: await Promise.all(titles.map((title) => page.getByRole("progressbar", { name: title }).count())) });
say({ heading: await page.getByRole("heading", { level: 1 }).innerText(), live: await page.getByRole("status").count() });

// A narrow screen: nothing sticks out.
for (const width of [1200, 400]) {
  await page.setViewportSize({ width, height: 800 });
  const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
  say({ width, overflow: await page.evaluate(overflow) });
}

// The keyboard reaches every control in the order of the cards, and what has the focus shows it.
await page.evaluate(() => document.activeElement.blur());
const controls = await page.locator("button, select").count();
const reached = [];
for (let i = 0; i < controls; i += 1) {
  await page.keyboard.press("Tab");
  reached.push(await page.evaluate(() => {
    const focused = document.activeElement;
    const isShown = getComputedStyle(focused).outlineStyle !== "none";
    return isShown && focused.closest("section")?.querySelector("h2").textContent;
  }));
}
say({ reached: [...new Set(reached)], controls });

// Everything that is said in the live region, and every value of each bar.
await page.evaluate(() => {
  window.said = [];
  window.values = {};
  const take = () => {
    const text = document.querySelector("[role=status]").textContent;
    if (text && said.at(-1) !== text) said.push(text);
    for (const bar of document.querySelectorAll("[role=progressbar]")) {
      const seen = (values[document.getElementById(bar.getAttribute("aria-labelledby")).textContent] ??= []);
      const value = bar.getAttribute("aria-valuenow");
      if (value !== null && seen.at(-1) !== Number(value)) seen.push(Number(value));
    }
  };
  new MutationObserver(take).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
});

// By the keyboard: the focus stays where it was.
const begin = card(titles[0]).getByRole("button", { name: "Start" });
await begin.focus();
await page.keyboard.press("Enter");
await card(titles[0]).and(page.locator('[data-state="active"]')).waitFor();
await page.waitForFunction(() => values["A job of one’s own"].at(-1) > 2);
say({ keepsFocus: await begin.evaluate((button) => button === document.activeElement) });
await card(titles[0]).getByRole("button", { name: "Cancel" }).click();
await card(titles[0]).and(page.locator('[data-state="cancelled"]')).waitFor();

await card("A looping task").getByRole("button", { name: "Watch" }).click();
for (const title of titles.filter((one) => one !== "A looping task")) {
  await card(title).getByRole("button", { name: "Start" }).click();
}
for (const title of titles) await card(title).and(page.locator(":not([data-state=idle])")).waitFor();
await page.waitForFunction(() => values["A job of one’s own"].at(-1) > 20);
await picture("narrow");
await page.setViewportSize({ width: 1200, height: 800 });
await picture("wide");
await page.emulateMedia({ colorScheme: "dark" });
await picture("dark");

for (const title of titles.filter((one) => one !== "A looping task")) {
  await card(title).and(page.locator('[data-state="completed"]')).waitFor();
}
await page.waitForFunction(() => values["A looping task"].length > 20);
await card("A looping task").getByRole("button", { name: "Watch" }).click();
await picture("ended");
say({ made: await card("Queued jobs").locator(".note").innerText() });
await card("Resume screening").getByRole("button", { name: "Clean up" }).click();
await card("Resume screening").and(page.locator("[data-state=idle]")).waitFor();
say(await page.evaluate("({ said, values })"));
await context.close();
site.close();
