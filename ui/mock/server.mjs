// A stand-in for the server: /api/v2 of the contract with a made-up fleet in memory. For development and browser tests only.
//   node mock/server.mjs [--port 8091] [--crowd 5000] [--setup] [--empty] [--dashboard]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { WebSocketServer } from "ws";
import { Mock } from "./house.mjs";
import { Problem } from "./problem.mjs";
import { frame, mjpeg, tile } from "./pictures.mjs";

const dist = process.env.ROOST_DIST ?? fileURLToPath(new URL("../../web/dist", import.meta.url));
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
};
const policy =
  "default-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob: http: https:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

async function handle(mock, req, res) {
  const url = new URL(req.url, "http://x");
  if (url.pathname.startsWith("/api/v2/")) return api(mock, req, res, url);
  if (url.pathname.startsWith("/mock/")) return picture(res, url.pathname);
  return file(res, url.pathname);
}

function picture(res, path) {
  const at = /^\/mock\/tiles\/(\d+)\/(\d+)\/(\d+)\.png$/.exec(path);
  if (path === "/mock/stream") return mjpeg(res);
  const bytes = at ? tile(+at[1], +at[2], +at[3]) : path === "/mock/still.png" ? frame(Date.now()) : null;
  if (!bytes) return res.writeHead(404).end();
  res.writeHead(200, { "Content-Type": "image/png" }).end(bytes);
}

function personOf(mock, req) {
  const sid = /roost_session=([^;]+)/.exec(req.headers.cookie ?? "")?.[1];
  if (mock.site.signIn === "none") return { sid, person: mock.everybody };
  return { sid, person: mock.users.find((u) => u.id === mock.sessions.get(sid)) };
}

async function api(mock, req, res, url) {
  const path = url.pathname.slice("/api/v2".length);
  const headers = { "Content-Type": "application/json" };
  try {
    const { sid, person } = personOf(mock, req);
    const open = ["/session", "/setup", "/site"].includes(path);
    if (!person && !open) throw new Problem(401, "Sign in first.");
    if (person?.role === "viewer" && req.method !== "GET" && !/^\/(session|account)/.test(path))
      throw new Problem(403, "This needs the role operator.");
    const bytes = await readAll(req);
    const body = req.headers["content-type"]?.includes("json") ? JSON.parse(String(bytes)) : {};
    for (const [method, pattern, act] of mock.allRoutes()) {
      const m = method === req.method && pattern.exec(path);
      if (!m) continue;
      const args = m.slice(1).map(decodeURIComponent);
      const c = {
        sid,
        person,
        body,
        bytes,
        args,
        query: url.searchParams,
        cookie: (s) => (headers["Set-Cookie"] = `roost_session=${s}; HttpOnly; SameSite=Lax; Path=/`),
        clear: () => (headers["Set-Cookie"] = "roost_session=; Max-Age=0; Path=/"),
        thing: () => {
          const t = mock.things.get(args[0]);
          if (!t) throw new Problem(404, `No thing ${args[0]} here.`);
          return t;
        },
        origin: req.headers.host,
      };
      const out = act(c);
      if (out === null) return res.writeHead(204, headers).end();
      if (out.raw) return res.writeHead(200, out.headers).end(out.raw);
      const status = out.status && out.body ? out.status : 200;
      return res.writeHead(status, headers).end(JSON.stringify(out.body && out.status ? out.body : out));
    }
    throw new Problem(404, "There is nothing at this address.");
  } catch (err) {
    const status = err.status ?? 500;
    headers["Content-Type"] = "application/problem+json";
    res.writeHead(status, { ...headers, ...err.headers });
    res.end(JSON.stringify({ status, title: "Refused", detail: err.message, problems: err.problems }));
  }
}

async function readAll(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts);
}

async function file(res, path) {
  let name = normalize(decodeURIComponent(path)).replace(/^\/+/, "");
  const apart = /^websetup\/?$/.test(name); // it talks to devices, too
  if (apart) name = "websetup/index.html";
  else if (name === "" || !extname(name)) name = "index.html";
  try {
    const bytes = await readFile(join(dist, name));
    res.writeHead(200, {
      "Content-Type": types[extname(name)] ?? "application/octet-stream",
      "Content-Security-Policy": apart
        ? policy.replace("connect-src 'self'", "connect-src 'self' http:")
        : policy,
    });
    res.end(bytes);
  } catch {
    res.writeHead(404).end("Build the pages first: npm run build\n");
  }
}

/** Starts a mock on a loopback port; port 0 takes a free one. */
export async function startMock({ port = 0, ...options } = {}) {
  const mock = new Mock(options);
  const server = createServer((req, res) => void handle(mock, req, res));
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket, head) => {
    if (!req.url.startsWith("/api/v2/stream") || !personOf(mock, req).person)
      return socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    sockets.handleUpgrade(req, socket, head, (ws) => mock.attach(ws));
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  // Cameras of things stand at this server, too.
  for (const t of mock.things.values())
    if (t.spec.webcam?.picture) t.spec.webcam = { ...t.spec.webcam, value: url + t.spec.webcam.picture };
  return {
    mock,
    url,
    close: async () => {
      mock.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The site of a dashboard apart. */
export const dashboard = {
  kind: "dashboard",
  title: "Greenhouse lab",
  signIn: "none",
  cameraUrl: "/mock/stream",
  mqtt: "",
  mqttsn: "",
  coap: "",
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const flag = (n) => process.argv.includes("--" + n);
  const value = (n, or) => (flag(n) ? Number(process.argv[process.argv.indexOf("--" + n) + 1]) : or);
  const { url, close } = await startMock({
    port: value("port", 8091),
    crowdSize: value("crowd", 0),
    setup: flag("setup"),
    empty: flag("empty"),
    ...(flag("dashboard") ? { site: dashboard } : {}),
  });
  console.log(
    flag("setup") ? `${url}/setup#once-only-token` : `${url}  (ada / correct horse, vic / viewer viewer)`,
  );
  process.on("SIGINT", () => void close().then(() => process.exit(0)));
}
