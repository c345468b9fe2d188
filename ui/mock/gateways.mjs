// Far gateways and their keys, and the credentials of things, as the mock has them.
import { Problem } from "./problem.mjs";

const minute = 60_000;
const none = { entries: 0, bytes: 0, oldest: 0, dropped: 0 };
const secret = (n) =>
  Array.from(
    { length: n },
    () => "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"[Math.floor(Math.random() * 55)],
  ).join("");

export class Gateways {
  constructor(empty) {
    const now = Date.now();
    const row = (more) => ({
      id: secret(16),
      kind: "",
      connected: false,
      since: 0,
      remote: "",
      things: 0,
      lag: 0,
      spool: none,
      lastSeen: 0,
      lastError: "",
      version: "",
      doors: [],
      keyFile: false,
      created: now - 9e8,
      by: "ada",
      ...more,
    });
    this.list = empty
      ? []
      : [
          row({
            name: "roof",
            kind: "roost",
            connected: true,
            since: now - 140 * minute,
            remote: "192.0.2.44:50122",
            things: 1,
            lag: 42,
            lastSeen: now - 2000,
            version: "v0.1.0",
            doors: ["coap", "mqtt", "mqttsn"],
          }),
          row({
            name: "second site",
            kind: "roost",
            lastSeen: now - 11 * minute,
            spool: { entries: 1204, bytes: 388_200, oldest: now - 13 * minute, dropped: 12 },
            lag: 61_000,
            lastError: "read from 198.51.100.7:41822: connection reset by peer",
            version: "v0.1.0",
            doors: ["coap"],
          }),
          row({ name: "old barn" }),
          row({
            id: "key-file",
            name: "coap@pi",
            kind: "pyaiot",
            connected: true,
            since: now - 26 * 60 * minute,
            remote: "192.168.1.9:39544",
            things: 0,
            lastSeen: now - 9000,
            keyFile: true,
            created: 0,
            by: "",
          }),
        ];
    this.credentials = empty
      ? []
      : [{ id: "cred-studio", own: "studio", created: now - 6e8, by: "ada", lastUsed: now - 40_000 }];
  }

  routes = [
    ["GET", /^\/gateways$/, () => ({ gateways: this.list })],
    ["POST", /^\/gateways$/, (c) => this.add(c)],
    ["DELETE", /^\/gateways\/([^/]+)$/, (c) => this.revoke(c)],
    ["GET", /^\/credentials$/, () => ({ credentials: this.credentials })],
    ["POST", /^\/credentials$/, (c) => this.addCredential(c)],
    [
      "DELETE",
      /^\/credentials\/([^/]+)$/,
      (c) => ((this.credentials = this.credentials.filter((x) => x.id !== c.args[0])), null),
    ],
  ];
  add(c) {
    if (c.person.role !== "owner") throw new Problem(403, "This needs the role owner.");
    if (this.list.some((g) => g.name === c.body.name))
      throw new Problem(409, `There is a gateway called ${c.body.name} already.`);
    const gateway = {
      ...(this.list[0] ?? new Gateways(false).list[2]),
      ...{ id: secret(16), name: c.body.name, kind: "", connected: false, since: 0, remote: "", things: 0 },
      ...{ lag: 0, spool: none, lastSeen: 0, lastError: "", version: "", doors: [], keyFile: false },
      ...{ created: Date.now(), by: c.person.name },
    };
    this.list = [...this.list, gateway];
    const file = c.body.name.replace(/[^A-Za-z0-9._-]/g, "-") + ".keys";
    const body = {
      gateway,
      keyFile: `[keys]\nsecret = ${secret(32)}\nprivate = ${secret(43)}=\n`,
      command: `roost gateway --hub ws://roost.local:8080 --key-file ${file}`,
    };
    return { status: 201, body };
  }
  revoke(c) {
    if (c.args[0] === "key-file") throw new Problem(409, "This key stands in the server's key file.");
    this.list = this.list.filter((g) => g.id !== c.args[0]);
    return null;
  }
  addCredential(c) {
    const own = c.body.own;
    if (this.credentials.some((x) => x.own === own))
      throw new Problem(409, `There is a credential for ${own} already.`);
    const credential = { id: "cred-" + own, own, created: Date.now(), by: c.person.name, lastUsed: 0 };
    this.credentials = [...this.credentials, credential];
    return { status: 201, body: { credential, user: own, password: secret(24) } };
  }
  /** The credential that binds a thing, if any. */
  of = (t) => this.credentials.find((x) => x.own === t.id)?.id;
}
