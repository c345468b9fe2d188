// What the mock is: a made-up fleet in memory and what /api/v2 answers about it.
// Over 400 lines because it is one object by nature: every answer reads and changes the same fleet.
import { Apps } from "./apps.mjs";
import { crowd, resource, shapes } from "./fleet.mjs";
import { Desk } from "./desk.mjs";
import { Gateways } from "./gateways.mjs";
import { NewBoards } from "./newboards.mjs";
import { Problem } from "./problem.mjs";
import { SoftwareHouse } from "./software.mjs";

export class Mock {
  constructor({
    setup = false,
    empty = false,
    crowdSize = 0,
    simulator = true,
    site = {},
    only = () => true,
  } = {}) {
    this.started = Date.now() - 3 * 3600_000;
    this.simulator = simulator;
    this.setupToken = setup ? "once-only-token" : "";
    this.site = {
      title: "Roost",
      logo: "",
      favicon: "",
      cameraUrl: "",
      mapTiles: "/mock/tiles/{z}/{x}/{y}.png",
      signIn: "people",
      kind: "server",
      mqtt: ":1883",
      mqttsn: ":1885",
      coap: ":5683",
      ...site,
    };
    this.gateways = new Gateways(setup || empty);
    this.apps = new Apps(this, setup || empty);
    this.everybody = { id: "public", name: "a visitor", role: "operator" };
    this.users = setup
      ? []
      : [this.user("ada", "correct horse", "owner"), this.user("vic", "viewer viewer", "viewer")];
    this.tokens = setup ? [] : [{ ...this.tokenOf("grafana", "viewer"), last_used: Date.now() - 40_000 }];
    this.sessions = new Map();
    this.seq = 100;
    this.log = [];
    this.things = new Map();
    this.commands = [];
    this.readers = new Set();
    this.recorded = 184_220;
    this.wrong = 0;
    this.answers = {}; // resource -> "fail" | "never": how things treat commands
    this.delay = 350;
    if (!empty) for (const s of [...shapes, ...crowd(crowdSize)].filter(only)) this.addThing(s);
    for (const t of [...this.things.values()].slice(0, 1)) this.pastCommands(t);
    this.desk = new Desk(this, setup || empty);
    this.newBoards = new NewBoards(this, setup || empty);
    this.software = new SoftwareHouse(this, { empty: setup || empty, only });
    this.timer = setInterval(() => this.tick(), 200).unref();
  }
  id = () => Math.random().toString(36).slice(2, 12);
  user(name, password, role) {
    return { id: this.id(), name, password, role, created: Date.now() - 9e8, last_seen: Date.now() - 5000 };
  }
  tokenOf(name, role, days = 0) {
    const now = Date.now();
    return {
      id: this.id(),
      name,
      role,
      by: "ada",
      created: now - 8e6,
      last_used: 0,
      expires: days ? now + days * 864e5 : 0,
    };
  }

  addThing(s) {
    const now = Date.now();
    const heard = now - (s.offline ?? 0);
    const t = {
      spec: s.resources ?? {},
      every: s.every ?? 0,
      nextAt: now + Math.random() * (s.every || 5000),
      since: s.offline ? heard + 120_000 : now - 2.6 * 3600_000,
      last: heard,
      first: s.waiting ? now - 90_000 : now - 30 * 864e5,
      state: s.waiting ? "waiting" : "enrolled",
      online: !s.offline,
      tags: s.tags ?? [],
      id: s.id,
      protocol: s.protocol,
      address:
        s.address ?? (s.protocol === "CoAP" ? "[fd00::aa11:22ff:fe33:4455]:5683" : "192.168.1.40:51332"),
      given: "",
      gateway: s.gateway ?? "",
      widgets: {},
    };
    this.things.set(t.id, t);
    return t;
  }
  pastCommands(t) {
    const base = { thing: t.id, kind: "set", resource: "led", by: "ada", error: "", result: null };
    const h = Date.now() - 3600_000;
    const add = (ago, value, state, more = {}) =>
      this.commands.push({
        ...base,
        id: this.id(),
        value,
        state,
        created: h + ago,
        sent: h + ago + 12,
        ended: h + ago + 96,
        expires: h + ago + 60_000,
        ...more,
      });
    add(0, "1", "done", { result: "led:1" });
    add(600_000, "0", "done", { result: "led:0" });
    add(1_400_000, "9", "failed", { error: "The thing answered 4.00 Bad Request." });
    add(2_900_000, "1", "expired", {
      sent: 0,
      ended: h + 2_960_000,
      error: "The thing did not answer within 60 s.",
    });
  }

  show(t, full = true) {
    const name = t.given || t.spec.name?.value || t.id;
    const out = {
      id: t.id,
      name,
      given_name: t.given,
      protocol: t.protocol,
      state: t.state,
      online: t.online,
      since: t.since,
      first_heard: t.first,
      last_heard: t.last,
      address: t.address,
      door: t.gateway
        ? "relay"
        : ({ CoAP: "coap", WebSocket: "ws", PythingsOS: "pythings" }[t.protocol] ?? "mqtt"),
      gateway: t.gateway,
      tags: t.tags,
      widgets: t.widgets,
      app: this.software.appOf(t),
    };
    const credential = this.gateways.of(t);
    if (credential) out.credential = credential;
    if (full) out.resources = this.resources(t);
    return out;
  }
  resources(t) {
    if (t.state !== "enrolled") return [];
    return Object.entries(t.spec).map(([n, s]) => resource(n, s, t.last));
  }

  publish(e) {
    e.seq = ++this.seq;
    this.log.push(e);
    if (this.log.length > 5000) this.log.splice(0, 1000);
    for (const r of this.readers) r.send(JSON.stringify(e));
  }
  tick() {
    const now = Date.now();
    for (const t of this.things.values()) {
      if (t.online && t.spec.imu) this.reading(t, "imu", now);
      if (!t.online || t.every === 0 || now < t.nextAt) continue;
      t.nextAt = now + t.every;
      t.last = now;
      for (const [n, s] of Object.entries(t.spec)) {
        if (!s.at) continue;
        this.recorded++;
        this.reading(t, n, now);
      }
    }
  }
  reading(t, n, at = Date.now()) {
    const { name, writable, ...r } = resource(n, t.spec[n], at);
    t.last = at;
    this.publish({ type: "reading", thing: t.id, resource: name, ...r });
  }
  changed(t) {
    this.publish({ type: "thing", thing: t.id, data: this.show(t, false), at: Date.now() });
  }

  close() {
    clearInterval(this.timer);
    for (const r of this.readers) r.terminate();
  }

  // --- requests ---
  /** Those before win; parts of the mock with files of their own add theirs. */
  allRoutes = () => [
    ...this.software.routes,
    ...this.desk.routes,
    ...this.newBoards.routes,
    ...this.routes,
    ...this.gateways.routes,
    ...this.apps.routes,
  ];
  routes = [
    ["GET", /^\/site$/, () => this.site],
    ["GET", /^\/session$/, (c) => this.session(c)],
    ["POST", /^\/setup$/, (c) => this.setup(c)],
    ["POST", /^\/session$/, (c) => this.signIn(c)],
    ["DELETE", /^\/session$/, (c) => (this.sessions.delete(c.sid), c.clear(), null)],
    ["PUT", /^\/session\/password$/, (c) => this.password(c)],
    ["GET", /^\/things$/, () => this.list()],
    ["GET", /^\/things\/([^/]+)$/, (c) => this.show(c.thing())],
    ["PATCH", /^\/things\/([^/]+)$/, (c) => this.patch(c)],
    ["DELETE", /^\/things\/([^/]+)$/, (c) => this.forget(c)],
    ["POST", /^\/things\/([^/]+)\/(approve|ignore)$/, (c) => this.enrol(c)],
    ["GET", /^\/things\/([^/]+)\/runtime$/, (c) => this.joined(c)],
    ["GET", /^\/things\/([^/]+)\/resources$/, (c) => ({ resources: this.resources(c.thing()) })],
    ["GET", /^\/things\/([^/]+)\/readings$/, (c) => this.readings(c)],
    [
      "GET",
      /^\/things\/([^/]+)\/commands$/,
      (c) => ({ commands: this.commands.filter((x) => x.thing === c.thing().id).toReversed() }),
    ],
    ["POST", /^\/things\/([^/]+)\/commands$/, (c) => this.command(c)],
    ["DELETE", /^\/commands\/([^/]+)$/, (c) => this.cancel(c)],
    ["GET", /^\/users$/, () => ({ users: this.users.map(({ password, ...u }) => u) })],
    ["POST", /^\/users$/, (c) => this.addUser(c)],
    ["PATCH", /^\/users\/([^/]+)$/, (c) => this.patchUser(c)],
    ["DELETE", /^\/users\/([^/]+)$/, (c) => this.deleteUser(c)],
    ["GET", /^\/tokens$/, () => ({ tokens: this.tokens })],
    ["POST", /^\/tokens$/, (c) => this.addToken(c)],
    [
      "DELETE",
      /^\/tokens\/([^/]+)$/,
      (c) => ((this.tokens = this.tokens.filter((t) => t.id !== c.args[0])), null),
    ],
    ["GET", /^\/system$/, () => this.system()],
    ["POST", /^\/simulated$/, (c) => this.simulate(c)],
  ];
  open(c, person) {
    const sid = this.id() + this.id();
    this.sessions.set(sid, person.id);
    c.cookie(sid);
    return this.signedIn(person);
  }
  signedIn = (p) => ({
    state: "signed-in",
    person: { id: p.id, name: p.name, role: p.role },
    version: "v0.1.0-mock",
  });
  session(c) {
    if (this.site.signIn === "none") return this.signedIn(this.everybody);
    if (c.person) return this.signedIn(c.person);
    return { state: this.users.length ? "signed-out" : "setup", version: "v0.1.0-mock" };
  }
  setup(c) {
    if (!this.setupToken || c.body.token !== this.setupToken)
      throw new Problem(
        403,
        "This set-up link is wrong or was used already. Look at the console for the present one.",
      );
    if (c.body.password.length < 10) throw new Problem(422, "The password needs at least 10 characters.");
    this.setupToken = "";
    const p = this.user(c.body.name, c.body.password, "owner");
    this.users.push(p);
    return this.open(c, p);
  }
  signIn(c) {
    if (this.wrong >= 5) throw new Problem(429, "Too many tries. Wait a little.", { "Retry-After": "20" });
    const nameless = this.site.signIn === "password";
    const p = this.users.find((u) => (nameless || u.name === c.body.name) && u.password === c.body.password);
    if (!p) {
      this.wrong++;
      throw new Problem(401, "Name or password is not right.");
    }
    this.wrong = 0;
    return this.open(c, p);
  }
  password(c) {
    if (c.body.current !== c.person.password) throw new Problem(403, "The present password is not right.");
    c.person.password = c.body.password;
    return null;
  }
  list() {
    const all = [...this.things.values()];
    return {
      things: all.map((t) => this.show(t)),
      total: all.filter((t) => t.state === "enrolled").length,
      online: all.filter((t) => t.online && t.state === "enrolled").length,
      waiting: all.filter((t) => t.state === "waiting").length,
    };
  }
  patch(c) {
    const t = c.thing();
    if (c.body.name !== undefined) t.given = c.body.name;
    if (c.body.tags !== undefined) t.tags = c.body.tags;
    for (const [n, w] of Object.entries(c.body.widgets ?? {})) {
      if (w) t.widgets[n] = w;
      else delete t.widgets[n];
    }
    this.changed(t);
    return this.show(t);
  }
  forget(c) {
    const t = c.thing();
    this.things.delete(t.id);
    this.publish({ type: "forgotten", thing: t.id, at: Date.now() });
    return null;
  }
  /** A board of Roost's own runtime that waits, with the keys that were asked for in its name. */
  addJoiner(id, ...joins) {
    const t = this.addThing({ id, protocol: "Roost", waiting: true, address: joins[0].address });
    t.joins = joins;
    this.changed(t);
    return t;
  }
  joined(c) {
    const t = c.thing();
    if (!t.joins) throw new Problem(404, `${t.id} does not run Roost's own runtime.`);
    return { ...t.joins[0], joins: t.state === "enrolled" ? [] : t.joins };
  }
  chooseKey(t, key) {
    const one = key ? t.joins.find((j) => j.key === key) : t.joins[0];
    if (!one) throw new Problem(404, `No key ${key} was asked for in the name of ${t.id}.`);
    if (!key && t.joins.length > 1)
      throw new Problem(409, `${t.joins.length} keys were asked for in the name of ${t.id}.`);
    t.joins = [one];
  }
  enrol(c) {
    const t = c.thing();
    if (t.joins && c.args[1] === "approve") this.chooseKey(t, c.query.get("key"));
    t.state = c.args[1] === "approve" ? "enrolled" : "ignored";
    if (t.state === "enrolled" && t.protocol === "PythingsOS") this.software.adopt(t);
    if (t.state === "enrolled" && Object.keys(t.spec).length === 0) {
      t.spec = {
        ...shapes[3].resources,
        name: { kind: "text", value: `new ${t.protocol} node`, writable: false },
      };
      t.every = 3000;
      t.nextAt = 0;
    }
    this.changed(t);
    return this.show(t);
  }
  readings(c) {
    const t = c.thing();
    const q = c.query;
    const name = q.get("resource");
    const spec = t.spec[name];
    const from = Number(q.get("from"));
    const to = Math.min(Number(q.get("to")), t.online ? Date.now() : t.last);
    const points = Number(q.get("points") ?? 300);
    const out = { resource: name, unit: spec?.unit ?? "", from, to, numbers: [], texts: [] };
    if (!spec) return out;
    const step = Math.max((to - from) / points, t.every || 5000);
    if (spec.at)
      for (let x = from; x < to; x += step) {
        const mean = Number(spec.at(x).toFixed(3));
        const wide = Math.min(1, step / 600_000) * Math.abs(spec.at(x + 7 * 60_000) - mean);
        out.numbers.push({
          t: Math.round(x),
          min: mean - wide,
          max: mean + wide,
          mean,
          last: mean,
          n: Math.round(step / (t.every || 5000)),
        });
      }
    else if (spec.kind === "number" || spec.kind === "boolean") {
      let v = 0;
      for (let x = from; x < to; x += (to - from) / 7) {
        v = 1 - v;
        out.numbers.push({ t: Math.round(x), min: v, max: v, mean: v, last: v, n: 1 });
      }
    } else if (!spec.imu)
      out.texts.push({
        t: Math.round(Math.max(from, to - 1_000_000)),
        value: String(resource(name, spec, to).value),
      });
    return out;
  }
  command(c) {
    const t = c.thing();
    const now = Date.now();
    const cmd = {
      id: this.id(),
      thing: t.id,
      kind: c.body.kind ?? "set",
      resource: c.body.resource,
      value: c.body.value ?? null,
      state: "queued",
      error: "",
      result: null,
      by: c.person.name,
      created: now,
      sent: 0,
      ended: 0,
      expires: now + (c.body.expires_in ?? 60) * 1000,
    };
    this.commands.push(cmd);
    const say = (change) => {
      if (["done", "failed", "expired", "cancelled"].includes(cmd.state)) return;
      Object.assign(cmd, change);
      this.publish({ type: "command", thing: t.id, data: { ...cmd }, at: Date.now() });
    };
    const how = this.answers[cmd.resource];
    if (!t.online) return { status: 202, body: { ...cmd } };
    setTimeout(() => say({ state: "sent", sent: Date.now() }), this.delay / 3);
    if (how === "never") return { status: 202, body: { ...cmd } };
    setTimeout(() => {
      if (how === "fail")
        return say({ state: "failed", ended: Date.now(), error: "The thing answered 4.00 Bad Request." });
      const spec = t.spec[cmd.resource];
      if (spec && cmd.kind === "set" && !spec.at && !spec.imu) spec.value = cmd.value;
      if (spec) this.reading(t, cmd.resource);
      say({ state: "done", ended: Date.now(), result: `${cmd.resource}:${cmd.value}` });
    }, this.delay);
    return { status: 202, body: { ...cmd } };
  }
  cancel(c) {
    const cmd = this.commands.find((x) => x.id === c.args[0]);
    if (!cmd) throw new Problem(404, "No such command here.");
    if (cmd.state !== "queued") throw new Problem(409, "The command is on its way already.");
    Object.assign(cmd, { state: "cancelled", ended: Date.now() });
    this.publish({ type: "command", thing: cmd.thing, data: { ...cmd }, at: Date.now() });
    return cmd;
  }
  addUser(c) {
    if (this.users.some((u) => u.name === c.body.name))
      throw new Problem(409, `There is a person called ${c.body.name} already.`);
    const u = this.user(c.body.name, c.body.password, c.body.role);
    u.last_seen = 0;
    u.created = Date.now();
    this.users.push(u);
    const { password, ...shown } = u;
    return { status: 201, body: shown };
  }
  patchUser(c) {
    const u = this.users.find((x) => x.id === c.args[0]);
    Object.assign(u, c.body);
    const { password, ...shown } = u;
    return shown;
  }
  deleteUser(c) {
    const u = this.users.find((x) => x.id === c.args[0]);
    if (u.role === "owner" && this.users.filter((x) => x.role === "owner").length === 1)
      throw new Problem(409, "This is the last owner. Make another person owner first.");
    this.users = this.users.filter((x) => x !== u);
    return null;
  }
  addToken(c) {
    const t = {
      ...this.tokenOf(c.body.name, c.body.role, c.body.expires_in_days),
      created: Date.now(),
      by: c.person.name,
    };
    this.tokens.push(t);
    return { status: 201, body: { ...t, token: "rst_" + this.id() + this.id() + this.id() } };
  }
  system() {
    const l = this.list();
    return {
      version: "v0.1.0-mock",
      go: "go1.26.4",
      os: "linux",
      arch: "arm64",
      started: this.started,
      data_dir: "/var/lib/roost",
      data_bytes: 48_230_400,
      memory_bytes: 61_800_000,
      goroutines: 84,
      enrolment: "approve",
      listeners: [
        { name: "http", address: "0.0.0.0:8080", state: "listening", detail: "" },
        { name: "coap", address: "0.0.0.0:5683", state: "listening", detail: "" },
        { name: "mqtt", address: "0.0.0.0:1883", state: "listening", detail: "" },
        { name: "mqttsn", address: "", state: "off", detail: "" },
        {
          name: "coaps",
          address: ":5684",
          state: "failed",
          detail: "The port is in use by another program.",
        },
      ],
      things: { total: l.total, online: l.online, waiting: l.waiting },
      readings: { recorded: this.recorded, pending: 12, refused: 0 },
      live: { watchers: this.readers.size, seq: this.seq },
      pyaiot: { gateways: 1, clients: 0 },
      mqtt: {
        ...{ connections: 12, sessions: 14, asleep: 2, subscriptions: 31, retained: 6, queued: 3 },
        ...{ received: 48_211, sent: 60_340, dropped: 0 },
      },
      mqttsn: {
        ...{ connections: 5, sessions: 9, asleep: 4, subscriptions: 9, retained: 0, queued: 11 },
        ...{ received: 7120, sent: 1204, dropped: 2 },
      },
      base_url: "http://roost.local:8080",
      simulator: this.simulator,
    };
  }
  simulate(c) {
    const speaks = { coap: "CoAP", ws: "WebSocket", mqtt: "MQTT", mqttsn: "MQTT-SN", pythings: "PythingsOS" }[
      c.body.kind
    ];
    const id = (c.body.kind === "coap" ? "51A0" : `sim-${c.body.kind}-`) + this.id().slice(0, 6);
    setTimeout(() => {
      const t = this.addThing({
        id,
        protocol: speaks,
        waiting: true,
        address: "127.0.0.1:40112",
      });
      t.first = Date.now();
      this.changed(t);
    }, this.delay * 2);
    return { status: 202, body: { id } };
  }
  attach(ws) {
    ws.on("message", (m) => {
      const { after } = JSON.parse(String(m));
      const first = this.log[0]?.seq ?? this.seq;
      if (after !== undefined && (after < first - 1 || after > this.seq))
        ws.send(JSON.stringify({ type: "resync", seq: this.seq }));
      else {
        ws.send(JSON.stringify({ type: "hello", seq: this.seq }));
        if (after !== undefined) for (const e of this.log) if (e.seq > after) ws.send(JSON.stringify(e));
      }
      this.readers.add(ws);
    });
    ws.on("close", () => this.readers.delete(ws));
  }
}
