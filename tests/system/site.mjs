// A web site in front of progressd, on one origin: serves files, and passes everything else on, unbuffered.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

// `folders`: {"/prefix/": path}; what is not found below any of them goes to `upstream`.
export async function startSite(upstream, folders) {
  const passing = new Set();

  async function answer(asked, response) {
    const { pathname } = new URL(asked.url, "http://site");
    const file = pathname.endsWith("/") ? pathname + "index.html" : pathname;
    for (const [prefix, folder] of Object.entries(folders)) {
      if (!file.startsWith(prefix)) continue;
      const content = await readFile(join(folder, normalize(file.slice(prefix.length)))).catch(() => null);
      if (content === null) continue;
      response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" }).end(content);
      return;
    }
    pass(asked, response);
  }

  function pass(asked, response) {
    const headers = { ...asked.headers, host: new URL(upstream).host };
    const onward = request(upstream + asked.url, { method: asked.method, headers, agent: false });
    passing.add(onward);
    onward.on("response", (answered) => {
      response.writeHead(answered.statusCode, answered.headers).flushHeaders();
      answered.pipe(response);
      answered.on("error", () => response.destroy());
    });
    onward.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    onward.on("close", () => passing.delete(onward));
    response.on("close", () => onward.destroy());
    asked.pipe(onward);
  }

  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut: () => passing.forEach((onward) => onward.destroy()), // as a network that breaks off
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
