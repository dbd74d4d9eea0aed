// Starts the distribution's Chromium with a fresh profile, and nothing that calls out.
import { chromium } from "playwright-core";

export const say = (fact) => process.stdout.write(JSON.stringify(fact) + "\n");

export async function launch(profile, { args = [], ...options } = {}) {
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
    headless: false, // the flag below asks for the new headless mode, which is the browser itself
    viewport: { width: 1000, height: 800 },
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
    ...options,
  });
}
