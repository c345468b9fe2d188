// What of the mock belongs to people and not to things: the own account, the door of PythingsOS devices, the shelf.
import { Problem } from "./problem.mjs";

const hour = 3600_000;

export class Desk {
  constructor(mock, empty) {
    this.mock = mock;
    const now = Date.now();
    this.account = {
      ...{ accountId: "Zk3v8QpLx0aYt7RnW2cB5d", email: "", timeZone: "" },
      usage: { things: 3, workerMessages: 18_420, messages: 61, apps: 2 },
    };
    this.keys = [{ name: "a1b2c3d4", bits: 2048, imported: false }];
    const forms = ["full/0", "full/6", "lean/0", "lean/6", "python/0", "rom/6"];
    const own = {
      version: "1.0.0",
      own: true,
      origin: "program",
      by: "",
      added: now - 3 * 24 * hour,
      owners: [],
    };
    const older = { ...own, version: "0.9.2", own: false, added: now - 80 * 24 * hour };
    const brought = { ...older, version: "0.9.1", origin: "file", by: "ada", added: now - 20 * 24 * hour };
    brought.owners = [{ owner: "24f6ed6acbfe1009", down: true, by: "ada", at: now - 20 * 24 * hour }];
    const used = [
      { running: 2, pools: 2, things: 0 },
      { running: 1, pools: 0, things: 1 },
      { running: 0, pools: 0, things: 0 },
    ];
    this.runtimes = (empty ? [own] : [own, older, brought]).map((r, i) => ({
      ...r,
      forms,
      bytes: 301_544,
      ...used[i],
    }));
    this.releases = empty
      ? []
      : [
          release("v1.1.0", now - 40 * 24 * hour, [
            "Python",
            "MicroPython",
            "esp8266",
            "esp32",
            "esp32_sim800",
          ]),
          release("v1.0.0", now - 200 * 24 * hour, ["Python", "esp8266", "esp32"]),
        ];
  }

  routes = [
    ["GET", /^\/runtimes$/, () => ({ runtimes: this.runtimes })],
    ["POST", /^\/runtimes$/, (c) => this.addRuntime(c)],
    ["DELETE", /^\/runtimes\/([^/]+)$/, (c) => this.removeRuntime(c)],
    ["GET", /^\/pythings$/, (c) => this.pythings(c)],
    ["POST", /^\/pythings\/keys$/, (c) => this.addKey(c)],
    ["GET", /^\/shelf$/, () => ({ releases: this.releases })],
    ["POST", /^\/shelf$/, (c) => this.upload(c)],
    ["DELETE", /^\/shelf\/([^/]+)$/, (c) => this.removeRelease(c)],
    ["GET", /^\/account$/, (c) => this.me(c)],
    ["PATCH", /^\/account$/, (c) => (Object.assign(this.account, c.body), this.me(c))],
    ["POST", /^\/account\/tokens$/, (c) => this.mock.addToken(c)],
    ["DELETE", /^\/account\/tokens\/([^/]+)$/, (c) => this.removeToken(c)],
    ["DELETE", /^\/account$/, (c) => this.deleteMe(c)],
  ];
  pythings(c) {
    return {
      ...{ accountId: this.account.accountId, backend: c.origin, tls: true, legacyTLS: false },
      modulus:
        "89884656743115795386465259539451236680898848947115328636715040578866337902750481566354238661203768010560056939935696678829394884407208311246423715319737062188883946712432742638151109800623047059726541476042502884419075341171231440736956555270413618581675255342293149119973622969239858152417678164812112068609",
      keys: this.keys,
      notices: [
        {
          at: Date.now() - 3 * hour,
          remote: "192.168.1.14",
          text: "An unknown account id came: Zk3v8QpLx0aYt7RnW2cB5x",
        },
      ],
    };
  }
  addKey(c) {
    if (!/BEGIN/.test(c.body.pem)) throw new Problem(422, "This is no PEM file with an RSA key.");
    this.keys = [...this.keys, { name: c.body.name, bits: 1022, imported: true }];
    return { status: 201, body: this.pythings(c) };
  }
  addRuntime() {
    if (this.runtimes.some((r) => r.version === "0.8.0"))
      throw new Problem(409, "The runtime 0.8.0 is on the shelf already, with all that the file has.");
    const made = {
      ...this.runtimes.at(-1),
      version: "0.8.0",
      own: false,
      origin: "file",
      by: "ada",
      added: Date.now(),
      owners: [],
    };
    this.runtimes = [...this.runtimes, made];
    return { status: 201, body: made };
  }
  removeRuntime(c) {
    const [version] = c.args;
    const r = this.runtimes.find((x) => x.version === version);
    if (r?.things)
      throw new Problem(409, `Thing "herbs" is told to run ${version}; choose another version for it first.`);
    this.runtimes = this.runtimes.filter((x) => x !== r);
    return null;
  }
  upload(c) {
    if (c.person.role !== "owner") throw new Problem(403, "This needs the role owner.");
    const version = c.query.get("version") || "v1.2.0";
    if (!c.bytes?.length) throw new Problem(422, "There is no version.py in this zip.");
    this.releases = [release(version, Date.now(), ["Python", "esp32"]), ...this.releases];
    return { status: 201, body: this.releases[0] };
  }
  removeRelease(c) {
    this.releases = this.releases.filter((r) => r.version !== c.args[0]);
    return null;
  }
  me(c) {
    const { name, role, created } = c.person;
    return { name, role, created, ...this.account };
  }
  removeToken(c) {
    this.mock.tokens = this.mock.tokens.filter((t) => t.id !== c.args[0]);
    return null;
  }
  deleteMe(c) {
    if (c.body.name !== c.person.name) throw new Problem(422, "Type your own name to go on.");
    this.mock.deleteUser({ args: [c.person.id] });
    this.mock.sessions.delete(c.sid);
    c.clear();
    return null;
  }
}

function release(version, added, names) {
  const platforms = names.map((name, i) => ({ name, files: 21 + i, bytes: 41_200 + 3170 * i }));
  return { version, added, platforms };
}
