// PythingsOS things as the mock has them: what runs on them, their messages, shell, log and sessions.
import { settings as plain } from "./apps.mjs";
import { Problem } from "./problem.mjs";

const minute = 60_000;
const hour = 60 * minute;
const boom = `Traceback (most recent call last):
  File "worker.py", line 21, in run
  File "worker_task.py", line 14, in call
ValueError: could not read the sensor`;
const settings = plain();
const num = (f, digits, unit) => ({ kind: "number", unit, digits, at: f, writable: false });
const wave = (base, swing, period) => (t) => base + swing * Math.sin((2 * Math.PI * t) / period);

const things = [
  {
    id: "A4CF12B3D5E6",
    name: "window sensor",
    every: 4000,
    resources: {
      temperature: num(wave(19.4, 3, 37 * minute), 1, "°C"),
      luminosity_au: num(wave(512, 260, 21 * minute), 0, ""),
    },
    soft: { app: true, pool: "production", platform: "esp8266", os: "v1.0.0", frozen: true },
  },
  {
    id: "30AEA4F10B2C",
    name: "pump house",
    every: 6000,
    resources: { level: num(wave(63, 12, 50 * minute), 0, "%") },
    soft: { app: true, pool: "development", platform: "esp32", os: "v1.0.0" },
    behind: true,
    own: { management: 5, os: "v1.1.0" },
    fault: true,
  },
  {
    id: "fresh-box",
    name: "fresh box",
    every: 0,
    resources: { started: { kind: "number", value: 1, writable: false } },
    soft: { app: false, pool: "unbound", platform: "Python", os: "v1.1.0" },
  },
  { id: "5ECF7F0A1B2C", waiting: true, address: "192.168.1.93:49155" },
];

export class SoftwareHouse {
  /** How long until a thing comes and asks, and from then until it answers, in ms. */
  pause = 1200;
  work = 400;
  constructor(mock, { empty = false, only = () => true } = {}) {
    this.mock = mock;
    this.next = 1;
    if (empty || mock.site.kind === "dashboard") return;
    for (const s of things.filter(only)) this.add(s);
  }

  add(s) {
    const t = this.mock.addThing({
      ...s,
      protocol: "PythingsOS",
      address: s.address ?? "192.168.1.91:50122",
      resources: s.resources && { name: { kind: "text", value: s.name, writable: false }, ...s.resources },
    });
    if (s.soft) t.software = this.fill(t, s);
    return t;
  }
  fill(t, s) {
    const now = Date.now();
    const soft = { encrypted: false, frozen: false, ...s.soft, own: s.own ?? {} };
    soft.app = s.soft.app ? [...this.mock.apps.list.keys()][0] : "";
    const app = this.mock.apps.list.get(soft.app);
    soft.version = s.behind ? app.commits[0].id : this.commitOf(soft);
    soft.boundBy = s.soft.platform === "esp8266" ? "app" : "account";
    soft.statuses = ["pythings", "worker", "management"].map((part) => ({
      ...{ part, known: true, ok: true, text: "OK", at: now - 50 * minute, error: "", errorAt: 0 },
    }));
    if (s.fault) {
      const fault = `ValueError could not read the sensor (${boom})`;
      Object.assign(soft.statuses[1], {
        ok: false,
        text: fault,
        at: now - 9 * minute,
        error: fault,
        errorAt: now - 9 * minute,
      });
      Object.assign(soft.statuses[2], { error: "KeyError 'led'", errorAt: now - 3 * hour });
    }
    soft.sessions = [1, 2, 3, 5, 8, 13, 21, 34, 55, 60, 65, 70, 80].map((h, i, all) => ({
      ...{ id: `run-${t.id}-${i}`, started: now - h * hour, lastContact: now - 20_000, ended: 0 },
      ...(i ? { lastContact: now - all[i - 1] * hour - 8000, ended: now - all[i - 1] * hour } : {}),
      ...{ os: soft.os, version: soft.version, platform: soft.platform, frozen: soft.frozen },
      ...{ encrypted: i === 2, pool: soft.pool, app: soft.app, address: "192.168.1.91:50122" },
      statuses: i
        ? soft.statuses.map((x) => ({
            ...x,
            ok: i !== 2 || x.part !== "worker",
            text: i === 2 && x.part === "worker" ? `OSError ENODEV (${boom})` : "OK",
          }))
        : soft.statuses,
    }));
    soft.messages = s.every
      ? Array.from({ length: 140 }, (_, i) => ({
          id: this.next++,
          at: now - (140 - i) * 5 * minute,
          value: this.value(t, now - (140 - i) * 5 * minute),
        }))
      : [];
    soft.log = this.pastLog(soft, now);
    return soft;
  }
  /** One that waited is approved: it came with an account id. */
  adopt(t) {
    if (t.software) return;
    t.spec = { started: { kind: "number", value: 1, writable: false } };
    const soft = { app: false, pool: "unbound", platform: "esp32", os: "v1.1.0" };
    t.software = this.fill(t, { soft, every: 0 });
  }
  value(t, at) {
    const out = {};
    for (const [n, s] of Object.entries(t.spec)) if (s.at) out[n] = Number(s.at(at).toFixed(s.digits));
    return out;
  }
  pastLog(soft, now) {
    const line = (ago, level, text, detail = "") => ({ id: this.next++, at: now - ago, level, text, detail });
    return [
      line(3 * hour, "info", `registered: ${soft.os}, app ${soft.version}`),
      line(3 * hour - 4000, "info", "fetched worker_task.py of " + soft.version),
      line(2.9 * hour, "warn", "a message was asked for twice: the answer was lost on its way"),
      line(50 * minute, "info", `registered: ${soft.os}, app ${soft.version}`),
      ...(soft.statuses[1].ok
        ? []
        : [line(9 * minute, "error", "worker KO: ValueError could not read the sensor", boom)]),
      line(4 * minute, "info", "sent 2 values"),
    ];
  }

  // --- what others of the mock show of it ---
  appOf(t) {
    const s = t.software;
    if (!s?.app) return null;
    return { id: s.app, name: this.appName(s.app), pool: s.pool, version: s.version };
  }
  appName = (id) => this.mock.apps.list.get(id)?.name ?? "";

  get(c) {
    const s = c.thing().software;
    if (!s) throw new Problem(404, "This thing takes no apps.");
    return s;
  }
  poolOf(s) {
    return this.mock.apps.list.get(s.app)?.pools.find((p) => p.name === s.pool);
  }
  commitOf(s) {
    const app = this.mock.apps.list.get(s.app);
    if (!app) return "0";
    const pool = this.poolOf(s);
    return this.mock.apps.wanted(app, { ...pool, settings: { ...pool.settings, ...s.own } });
  }
  show(s) {
    const { sessions, messages, log, ...rest } = s;
    const wanted = { ...settings, management: 5, ...this.poolOf(s)?.settings, ...s.own };
    const commit = this.commitOf(s);
    const os = s.frozen || wanted.os === "factory" || wanted.os === s.os;
    return {
      ...rest,
      wanted,
      commit,
      app: s.app ? { id: s.app, name: this.appName(s.app), hidden: false } : null,
      tag: this.mock.apps.list.get(s.app)?.tags.find((t) => t.commit === s.version)?.name ?? "",
      upToDate: s.version === commit && os,
      session: sessions[0],
    };
  }
  /** Answers with the software and tells all who watch. */
  changed(c, s) {
    this.mock.publish({ type: "software", thing: c.thing().id, at: Date.now() });
    return this.show(s);
  }

  routes = [
    ["GET", /^\/things\/([^/]+)\/software$/, (c) => this.show(this.get(c))],
    ["PUT", /^\/things\/([^/]+)\/app$/, (c) => this.install(c)],
    ["DELETE", /^\/things\/([^/]+)\/app$/, (c) => this.uninstall(c)],
    ["PUT", /^\/things\/([^/]+)\/pool$/, (c) => this.change(c, (s) => (s.pool = c.body.pool))],
    ["PATCH", /^\/things\/([^/]+)\/settings$/, (c) => this.patch(c)],
    [
      "POST",
      /^\/things\/([^/]+)\/reregister$/,
      (c) => this.change(c, (s) => this.note(c, s, "info", "registered anew because it was asked to")),
    ],
    [
      "GET",
      /^\/things\/([^/]+)\/sessions$/,
      (c) => ({ sessions: page(this.get(c).sessions, c, "started", 10) }),
    ],
    [
      "GET",
      /^\/things\/([^/]+)\/messages$/,
      (c) => ({ messages: page(this.get(c).messages.toReversed(), c, "id", 100) }),
    ],
    ["GET", /^\/things\/([^/]+)\/log$/, (c) => ({ log: page(this.get(c).log.toReversed(), c, "id", 200) })],
    ["POST", /^\/things\/([^/]+)\/commands$/, (c) => this.command(c)],
    ["GET", /^\/things\/([^/]+)\/commands$/, (c) => this.commands(c)],
  ];
  change(c, act) {
    const s = this.get(c);
    act(s);
    return this.changed(c, s);
  }
  install(c) {
    return this.change(c, (s) => {
      s.app = c.body.app;
      s.pool = c.body.pool || "development";
      this.fetch(c.thing(), this.mock.apps.list.get(s.app), this.commitOf(s), this.pause * 2);
    });
  }
  uninstall(c) {
    const s = this.get(c);
    if (s.boundBy === "app")
      throw new Problem(409, "This thing came with the id of its app; it is changed on the device.");
    return this.change(c, () => Object.assign(s, { app: "", pool: "unbound" }));
  }
  patch(c) {
    return this.change(c, (s) => {
      for (const [k, v] of Object.entries(c.body)) {
        if (/^(management|worker)$/.test(k) && v !== null && !(Number.isInteger(v) && v >= 1))
          throw new Problem(422, "An interval is a whole number of seconds, at least 1.");
        if (v === null) delete s.own[k];
        else s.own[k] = v;
      }
    });
  }
  note(c, s, level, text, detail = "") {
    const l = { id: this.next++, at: Date.now(), level, text, detail };
    s.log.push(l);
    this.mock.publish({ type: "log", thing: c.thing().id, ...l });
  }
  /** A worker message comes in. */
  say(id, value) {
    const s = this.mock.things.get(id).software;
    const m = { id: this.next++, at: Date.now(), value };
    s.messages.push(m);
    this.mock.publish({ type: "message", thing: id, ...m });
  }

  /** A thing takes a commit of its app, as after a call of its management task. */
  fetch(t, app, commit, delay) {
    if (!t.online) return;
    const files = Object.keys(app.commits.find((x) => x.id === commit)?.content ?? {});
    const c = { thing: () => t };
    const step = (ms, act) => setTimeout(act, ms).unref();
    files.forEach((f, i) =>
      step(delay * (0.4 + 0.1 * i), () => this.note(c, t.software, "info", `fetched ${f} of ${commit}`)),
    );
    step(delay, () => {
      t.software.version = commit;
      this.note(c, t.software, "info", `registered: ${t.software.os}, app ${commit}`);
      this.changed(c, t.software);
    });
  }

  commands(c) {
    const kind = c.query.get("kind");
    const t = c.thing();
    return {
      commands: this.mock.commands.filter((x) => x.thing === t.id && (!kind || x.kind === kind)).toReversed(),
    };
  }
  command(c) {
    const t = c.thing();
    const kind = c.body.kind ?? "set";
    const fetched = kind === "message" || kind === "shell";
    const soft = t.software;
    if (!soft && fetched) throw new Problem(409, "This thing takes no messages. Set one of its resources.");
    if (soft && !fetched)
      throw new Problem(409, "A PythingsOS device takes messages and shell lines; send it a message.");
    if (!soft) return this.mock.command(c);
    const now = Date.now();
    const cmd = {
      ...{
        id: this.mock.id(),
        thing: t.id,
        kind,
        resource: "",
        value: c.body.value ?? null,
        state: "queued",
      },
      ...{ error: "", result: null, by: c.person.name, created: now, sent: 0, ended: 0 },
      expires: now + (c.body.expires_in ?? 86_400) * 1000,
    };
    this.mock.commands.push(cmd);
    if (t.online) this.take(t, soft, cmd);
    return { status: 202, body: { ...cmd } };
  }
  take(t, soft, cmd) {
    const step = (change) => {
      if (["done", "failed", "expired", "cancelled"].includes(cmd.state)) return;
      Object.assign(cmd, change);
      this.mock.publish({ type: "command", thing: t.id, data: { ...cmd }, at: Date.now() });
    };
    setTimeout(() => {
      soft.sessions[0].lastContact = Date.now();
      step({ state: "sent", sent: Date.now() });
    }, this.pause).unref();
    const [state, result, error] = answer(cmd);
    if (!state) return;
    setTimeout(() => step({ state, result, error, ended: Date.now() }), this.pause + this.work).unref();
  }
}

function page(list, c, key, most) {
  const before = Number(c.query.get("before") ?? 0) || Infinity;
  return list.filter((x) => x[key] < before).slice(0, Number(c.query.get("limit") ?? most));
}
/** How a thing takes a command: state, result, error. */
function answer({ kind, value }) {
  if (kind === "message")
    return value === "ignore"
      ? ["done", null, ""]
      : ["done", `Got "${typeof value === "string" ? value : JSON.stringify(value)}"`, ""];
  if (/reset|sleep/.test(value))
    return ["failed", null, "The thing came back without answering: it restarted, or its answer was lost."];
  if (/1\/0/.test(value))
    return [
      "done",
      'Traceback (most recent call last):\n  File "pal.py", line 102, in execute\n  File "<string>", line 1, in <module>\nZeroDivisionError: division by zero\n',
      "",
    ];
  const sum = /print\((\d+)\s*\+\s*(\d+)\)/.exec(value);
  if (sum) return ["done", `${+sum[1] + +sum[2]}\n`, ""];
  const text = /print\(["'](.*)["']\)/.exec(value);
  return ["done", text ? text[1] + "\n" : "", ""];
}
