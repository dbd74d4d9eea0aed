// Opens seed_pages.html in Chromium, on an origin of its own, as a front end's development server has it. Says
// {site}, then reads {api, token, pages} from a line, and says {page, told} or {page, error} for each of them.
// Usage: node open_seed_pages.mjs PROFILE
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { launch, say } from "./chromium.mjs";

const html = await readFile(new URL("seed_pages.html", import.meta.url));
const site = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end(html));
await once(site.listen(0, "127.0.0.1"), "listening");
const context = await launch(process.argv[2]);
const page = await context.newPage();
await page.goto(`http://127.0.0.1:${site.address().port}/`);

const input = createInterface({ input: process.stdin });
say({ site: `http://127.0.0.1:${site.address().port}` });
const { api, token, pages } = JSON.parse((await once(input, "line"))[0]);
input.close();
if (token) await page.evaluate((text) => (document.cookie = `progressd_token=${text}; path=/`), token);
await Promise.all(pages.map((name) =>
  page.evaluate(([name, api, token]) => window.pages[name](api, token), [name, api, token])
    .then((told) => say({ page: name, told }), (error) => say({ page: name, error: String(error) }))));
await context.close();
site.close();
site.closeAllConnections();
