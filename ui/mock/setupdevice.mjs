// A device in set-up mode, as PythingsOS answers there: raw HTTP/1.0, parameters in the query, closed at the end.
//   node mock/setupdevice.mjs [--port 8094] [--platform esp32]
import { createServer } from "node:net";
import { pathToFileURL } from "node:url";

const head =
  "HTTP/1.0 200 OK\r\n" +
  "Access-Control-Allow-Methods: POST, GET, OPTIONS\r\n" +
  "Access-Control-Allow-Origin: *\r\n" +
  "Access-Control-Allow-Credentials: true\r\n" +
  "Access-Control-Allow-Headers: X-CSRFToken, ACCEPT, CONTENT-TYPE, X-CSRF-TOKEN, Content-Type, Authorization, X-Requested-With\r\n";

/** %XX byte by byte and nothing else: "+" stays a plus, letters beyond ASCII fall apart. */
const decode = (s) => s.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

export class SetupDevice {
  constructor(more = {}) {
    Object.assign(this, {
      ...{ tid: "5ECF7F0A1B2C", platform: "esp32", version: "v1.1.0", aid: null, apn: null, essid: null },
      ...{ password: null, open: true, joinTime: 50, pause: 0, requests: [] },
      networks: [
        ["HomeNet", "\u0000\u00aa\u0001\u00bb\u00cc\u00dd", 6, -55, 3, false],
        ["Cafe + Bar", "b2", 11, -71, 4, false],
        ["Guests", "b3", 1, -82, 0, false],
        ["HomeNet", "b4", 11, -79, 3, false],
      ],
      known: { HomeNet: "secret", "Cafe + Bar": "50% off & more" },
      ...more,
    });
  }
  /** Answers one request line: [type, body], or null where the device crashes and starts again. */
  answer(line) {
    const get = /GET (\S*) HTTP\/1\.1/.exec(line);
    if (!get) return ["", ""];
    this.requests.push(get[1]);
    const at = get[1].indexOf("?");
    const q = Object.fromEntries(
      (at < 0 ? "" : get[1].slice(at + 1))
        .split("&")
        .filter(Boolean)
        .map((p) => [p.slice(0, p.indexOf("=")), decode(p.slice(p.indexOf("=") + 1))]),
    );
    if (!q.cmd) return ["text/html", "This is a Thing in set-up mode."];
    const out = this.run(q);
    return out === null ? null : ["application/json", out === "" ? "" : JSON.stringify(out)];
  }
  run(q) {
    const { tid, platform, version, aid, apn, essid } = this;
    if (q.cmd === "check") return { status: "OK", tid, platform, version, aid, apn, essid };
    if (q.cmd === "set_app") return q.aid === undefined ? null : { status: "OK", aid: (this.aid = q.aid) };
    if (q.cmd === "set_apn") return { status: "OK", apn: (this.apn = q.apn) };
    if (q.cmd === "scan") return this.networks;
    if (q.cmd === "join") return this.join(q);
    if (q.cmd === "check_wifi")
      return { status: "OK", isconnected: this.known[essid] === this.password && !!essid, essid };
    if (q.cmd === "close") return ((this.open = false), { status: "OK" });
    return "";
  }
  join(q) {
    if (q.essid === undefined || q.password === undefined) return { status: "ERROR" };
    const isconnected = this.known[q.essid] === q.password;
    if (isconnected) Object.assign(this, { essid: q.essid, password: q.password });
    return { status: "OK", isconnected, essid: q.essid, saved: isconnected };
  }

  /** Listens on a loopback port; port 0 takes a free one. */
  async start(port = 0) {
    this.server = createServer((socket) => this.serve(socket));
    await new Promise((done) => this.server.listen(port, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }
  serve(socket) {
    socket.on("error", () => {});
    socket.once("data", (bytes) => {
      const found = this.answer(bytes.subarray(0, 1024).toString("latin1"));
      if (!found) return socket.destroy();
      const [type, body] = found;
      const slow = /cmd=(join|check_wifi)/.test(this.requests.at(-1) ?? "") ? this.joinTime : this.pause;
      setTimeout(() => {
        socket.end(type ? `${head}Content-Type: ${type}\r\n\r\n${body}` : `${head}Content-Length: 0\r\n\r\n`);
        if (!this.open) this.server.close();
      }, slow);
    });
  }
  stop() {
    return new Promise((done) => (this.server?.listening ? this.server.close(done) : done()));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const value = (n, or) =>
    process.argv.includes("--" + n) ? process.argv[process.argv.indexOf("--" + n) + 1] : or;
  const device = await new SetupDevice({ platform: value("platform", "esp32") }).start(
    Number(value("port", 8094)),
  );
  console.log(`${device.url}  (open /websetup/?device=${device.url})`);
}
