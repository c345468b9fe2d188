// Apps with commits, drafts, tags and pools, as the mock has them.
import { Problem } from "./problem.mjs";
import { worker, workerWithPressure, management, blinker } from "./sources.mjs";

const hour = 3600_000;
const uuid = (n) => `6f1d2c3b-4a59-4e68-8b7a-${String(n).padStart(12, "0")}`;
export const settings = (more = {}) => ({
  os: "factory",
  app: "latest",
  management: 60,
  worker: 300,
  tls: true,
  encrypt: false,
  battery: false,
  setupTimeout: 60,
  backend: "",
  ...more,
});

export class Apps {
  constructor(house, empty) {
    this.house = house;
    this.shipDelay = 700;
    this.list = new Map();
    this.next = 7;
    if (!empty) this.furnish();
  }

  /** Two apps with a past. */
  furnish() {
    const now = Date.now();
    const light = this.make("Light on the bench", "ada", 1, now - 40 * 24 * hour);
    light.commits = [];
    this.put(light, "First version", { "worker_task.py": worker, "management_task.py": management }, "ada", {
      at: now - 40 * 24 * hour,
    });
    light.tags.push({ name: "v1.0", commit: light.commits[0].id, by: "ada", at: now - 39 * 24 * hour });
    this.put(light, "Answer meminfo, and say what is not valid", { "helpers.py": blinker }, "vic", {
      at: now - 3 * 24 * hour,
    });
    this.put(
      light,
      "Read the light as a mean of four\n\nSingle reads jump by ten counts on this board.",
      { "worker_task.py": workerWithPressure },
      "ada",
      { at: now - 2 * hour },
    );
    light.pools.find((p) => p.name === "production").settings.app = "v1.0";
    light.drafts.set("helpers.py", {
      content: blinker + "\n\ndef off(led):\n    led.value(0)\n",
      by: "vic",
      at: now - 20 * 60_000,
    });
    const door = this.make("Garden door", "vic", 2, now - 9 * 24 * hour);
    door.admits = true;
  }
  make(name, by, n = this.next++, at = Date.now(), body = {}) {
    const choice = body.latest === false ? undefined : "latest";
    const app = {
      id: uuid(n),
      number: n,
      name,
      defaultPool: "development",
      admits: false,
      checked: true,
      created: at,
      by,
      commits: [],
      drafts: new Map(),
      tags: [],
      pools: [],
    };
    this.put(app, "First version", { "worker_task.py": worker, "management_task.py": management }, by, {
      at,
    });
    const own = { management: body.management ?? 60, worker: body.worker ?? 300, os: body.os ?? "factory" };
    for (const kind of ["development", "staging", "production"])
      app.pools.push({
        name: kind,
        kind,
        edited: at,
        settings: settings({
          ...own,
          app: kind === "production" || !choice ? app.commits[0].id : choice,
        }),
      });
    this.list.set(app.id, app);
    return app;
  }
  /** A commit of what was before with some files changed; null takes a file away. */
  put(app, message, files, author, { at = Date.now(), origin = "editor" } = {}) {
    const parent = app.commits.at(-1);
    const all = { ...parent?.content, ...files };
    for (const [n, text] of Object.entries(all)) if (text === null) delete all[n];
    let number = Math.floor(at / 1000);
    while (app.commits.some((c) => c.id === String(number))) number++;
    const commit = {
      id: String(number),
      parent: parent?.id ?? "",
      message,
      author,
      origin,
      at,
      content: all,
    };
    app.commits.push(commit);
    return commit;
  }

  // --- what things have to do with it ---
  /** The things of an app, of one of its pools if one is named. */
  things = (app, pool = "") =>
    [...this.house.things.values()].filter(
      (t) => t.software?.app === app.id && (!pool || t.software.pool === pool),
    );
  pool(app, name) {
    const p = app.pools.find((x) => x.name === name);
    if (!p) throw new Problem(404, `${app.name} has no pool ${name}.`);
    return p;
  }
  /** The commit that a pool's settings mean. */
  wanted(app, pool) {
    const choice = pool.settings.app;
    if (choice !== "latest") return app.tags.find((t) => t.name === choice)?.commit ?? choice;
    const tagged = (c) => app.tags.some((t) => t.commit === c.id);
    const found =
      pool.kind === "development" ? app.commits.at(-1) : app.commits.findLast(tagged) || app.commits[0];
    return found?.id ?? "";
  }
  /** Tells things of a change that reaches them at their next call. */
  ship(app, before) {
    for (const pool of app.pools) {
      const now = this.wanted(app, pool);
      if (now === before.get(pool.name)) continue;
      for (const t of this.things(app, pool.name)) this.house.software?.fetch(t, app, now, this.shipDelay);
    }
  }
  present = (app) => new Map(app.pools.map((p) => [p.name, this.wanted(app, p)]));
  changed(app) {
    this.house.publish({ type: "app", thing: "", app: app.id, at: Date.now() });
  }

  // --- what is shown ---
  info(app) {
    const things = this.things(app);
    const newest = app.commits.at(-1);
    const edits = [...app.drafts.values()].map((d) => d.at);
    return {
      id: app.id,
      number: app.number,
      name: app.name,
      things: things.length,
      online: things.filter((t) => t.online).length,
      defaultPool: app.defaultPool,
      admits: app.admits,
      checked: app.checked,
      created: app.created,
      edited: Math.max(newest?.at ?? 0, app.created, ...edits),
      by: app.by,
      drafts: app.drafts.size,
      newest: newest ? this.commit(app, newest) : null,
    };
  }
  full = (app) => ({ ...this.info(app), pools: app.pools.map((p) => this.poolOf(app, p)), tags: app.tags });
  poolOf = (app, p) => ({
    ...p,
    default: p.name === app.defaultPool,
    things: this.things(app, p.name).length,
    commit: this.wanted(app, p),
  });
  commit(app, c) {
    const { content, ...rest } = c;
    return {
      ...rest,
      tags: app.tags.filter((t) => t.commit === c.id).map((t) => t.name),
      pools: app.pools.filter((p) => this.wanted(app, p) === c.id).map((p) => p.name),
      files: Object.entries(content).map(([name, text]) => ({ name, size: text.length, sha256: "" })),
      running: this.things(app).filter((t) => t.software.version === c.id).length,
    };
  }
  working(app) {
    const base = app.commits.at(-1);
    const names = new Set([...Object.keys(base.content), ...app.drafts.keys()]);
    return [...names].sort().map((name) => this.fileOf(app, name));
  }
  fileOf(app, name) {
    const base = app.commits.at(-1);
    const old = base.content[name];
    const d = app.drafts.get(name);
    const content = (d?.deleted ? old : d?.content) ?? old ?? "";
    const state = !d ? "same" : d.deleted ? "deleted" : old === undefined ? "new" : "changed";
    return { name, size: content.length, content, state, by: d?.by ?? base.author, at: d?.at ?? base.at };
  }
  text(app) {
    const alive = this.working(app).filter((f) => f.state !== "deleted");
    return Object.fromEntries(alive.map((f) => [f.name, f.content]));
  }

  /** A believable check: a line with `def broken(`, an open bracket, a missing class. */
  check(files) {
    const out = [];
    for (const [file, text] of Object.entries(files)) {
      const say = (line, column, words, severity = "error") =>
        out.push({ file, line, column, text: words, severity });
      const lines = text.split("\n");
      lines.forEach((l, i) => {
        if (l.includes("def broken(")) say(i + 1, l.indexOf("broken(") + 8, "SyntaxError: invalid syntax");
        if (/[^\x00-\x7f]/.test(l)) say(i + 1, 0, "Old devices read ASCII only.", "warning");
      });
      const wants = { "worker_task.py": "WorkerTask", "management_task.py": "ManagementTask" }[file];
      if (wants && !text.includes(`class ${wants}`))
        say(0, 0, `No class ${wants}: devices cannot start this file.`, "warning");
    }
    return out;
  }

  // --- requests ---
  of(c) {
    const app = this.list.get(c.args[0]);
    if (!app) throw new Problem(404, "No such app here.");
    return app;
  }
  commitAt(app, id) {
    const c = app.commits.find((x) => x.id === id);
    if (!c) throw new Problem(404, `${app.name} has no commit ${id}.`);
    return c;
  }
  routes = [
    ["GET", /^\/apps$/, () => ({ apps: [...this.list.values()].map((a) => this.info(a)) })],
    ["POST", /^\/apps$/, (c) => this.add(c)],
    ["GET", /^\/apps\/([^/]+)$/, (c) => this.full(this.of(c))],
    ["PATCH", /^\/apps\/([^/]+)$/, (c) => this.patch(c)],
    ["DELETE", /^\/apps\/([^/]+)$/, (c) => this.remove(c)],
    ["POST", /^\/apps\/([^/]+)\/pools$/, (c) => this.addPool(c)],
    ["PATCH", /^\/apps\/([^/]+)\/pools\/([^/]+)$/, (c) => this.patchPool(c)],
    ["DELETE", /^\/apps\/([^/]+)\/pools\/([^/]+)$/, (c) => this.removePool(c)],
    ["GET", /^\/apps\/([^/]+)\/files$/, (c) => this.files(c)],
    ["PUT", /^\/apps\/([^/]+)\/files\/([^/]+)$/, (c) => this.save(c)],
    ["DELETE", /^\/apps\/([^/]+)\/files\/([^/]+)$/, (c) => this.removeFile(c)],
    ["POST", /^\/apps\/([^/]+)\/files\/([^/]+)\/rename$/, (c) => this.rename(c)],
    ["POST", /^\/apps\/([^/]+)\/discard$/, (c) => this.discard(c)],
    ["POST", /^\/apps\/([^/]+)\/check$/, (c) => ({ problems: this.check(c.body.files) })],
    ["POST", /^\/apps\/([^/]+)\/commits$/, (c) => this.makeCommit(c)],
    ["GET", /^\/apps\/([^/]+)\/commits$/, (c) => this.commits(this.of(c))],
    ["POST", /^\/apps\/([^/]+)\/commits\/([^/]+)\/restore$/, (c) => this.restore(c)],
    ["PUT", /^\/apps\/([^/]+)\/tags\/([^/]+)$/, (c) => this.tag(c)],
    ["DELETE", /^\/apps\/([^/]+)\/tags\/([^/]+)$/, (c) => this.untag(c)],
    ["GET", /^\/apps\/([^/]+)\/zip$/, (c) => ({ app: this.of(c).name, commit: c.query.get("commit") })],
    ["POST", /^\/apps\/([^/]+)\/import$/, (c) => this.bring(c)],
    ["POST", /^\/apps\/([^/]+)\/messages$/, (c) => this.tell(c)],
  ];
  commits = (app) => ({ commits: app.commits.toReversed().map((c) => this.commit(app, c)) });
  add(c) {
    const name = (c.body.name ?? "").trim();
    if (!name) throw new Problem(422, "An app needs a name.");
    if ([...this.list.values()].some((a) => a.name === name))
      throw new Problem(409, `There is an app called ${name} already.`);
    for (const [what, key] of [
      ["management", "management"],
      ["worker", "worker"],
    ])
      if (!Number.isInteger(c.body[key]) || c.body[key] < 1)
        throw new Problem(422, `The ${what} interval is at least 1 s, in whole seconds.`);
    const app = this.make(name, c.person.name, this.next++, Date.now(), c.body);
    this.changed(app);
    return { status: 201, body: this.info(app) };
  }
  patch(c) {
    const app = this.of(c);
    if (c.body.defaultPool) this.pool(app, c.body.defaultPool);
    Object.assign(app, c.body);
    this.changed(app);
    return this.info(app);
  }
  remove(c) {
    if (c.person.role !== "owner") throw new Problem(403, "This needs the role owner.");
    const app = this.of(c);
    for (const t of this.things(app)) t.software.app = null;
    this.list.delete(app.id);
    this.changed(app);
    return null;
  }
  addPool(c) {
    const app = this.of(c);
    if (app.pools.some((p) => p.name === c.body.name))
      throw new Problem(409, `There is a pool called ${c.body.name} already.`);
    const p = { name: c.body.name, kind: c.body.kind, edited: Date.now(), settings: settings() };
    app.pools.push(p);
    this.changed(app);
    return { status: 201, body: this.poolOf(app, p) };
  }
  patchPool(c) {
    const app = this.of(c);
    const p = this.pool(app, c.args[1]);
    const { name, kind, settings: change = {} } = c.body;
    for (const key of ["management", "worker"])
      if (key in change && !(change[key] >= 1))
        throw new Problem(422, `The ${key} interval is at least 1 s, in whole seconds.`);
    const before = this.present(app);
    if (name && name !== p.name) {
      for (const t of this.things(app, p.name)) t.software.pool = name;
      if (app.defaultPool === p.name) app.defaultPool = name;
    }
    Object.assign(p, name ? { name } : {}, kind ? { kind } : {}, { edited: Date.now() });
    Object.assign(p.settings, change);
    this.ship(app, before);
    this.changed(app);
    return this.poolOf(app, p);
  }
  removePool(c) {
    const app = this.of(c);
    const p = this.pool(app, c.args[1]);
    if (p.name === app.defaultPool)
      throw new Problem(409, "New things go to this pool. Choose another default pool first.");
    if (this.things(app, p.name).length > 0)
      throw new Problem(409, "There are things in this pool. Move them to another pool first.");
    app.pools = app.pools.filter((x) => x !== p);
    this.changed(app);
    return null;
  }
  files(c) {
    const app = this.of(c);
    const base = app.commits.at(-1).id;
    const id = c.query.get("commit") ?? "";
    if (!id) return { commit: "", base, files: this.working(app), problems: this.check(this.text(app)) };
    const commit = this.commitAt(app, id);
    const files = Object.entries(commit.content).map(([name, content]) => ({
      ...{ name, content, size: content.length, state: "same", by: commit.author, at: commit.at },
    }));
    return { commit: id, base, files, problems: [] };
  }
  save(c) {
    const app = this.of(c);
    const name = c.args[1];
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) throw new Problem(422, "That is no name for a file.");
    const content = c.body.content;
    if (app.commits.at(-1).content[name] === content) app.drafts.delete(name);
    else app.drafts.set(name, { content, by: c.person.name, at: Date.now() });
    this.changed(app);
    return { file: this.fileOf(app, name), problems: app.checked ? this.check(this.text(app)) : [] };
  }
  removeFile(c) {
    const app = this.of(c);
    const name = c.args[1];
    if (app.commits.at(-1).content[name] === undefined) app.drafts.delete(name);
    else app.drafts.set(name, { deleted: true, content: "", by: c.person.name, at: Date.now() });
    this.changed(app);
    return null;
  }
  rename(c) {
    const app = this.of(c);
    const { content } = this.fileOf(app, c.args[1]);
    if (this.text(app)[c.body.to] !== undefined) throw new Problem(409, `There is a ${c.body.to} already.`);
    this.removeFile(c);
    app.drafts.set(c.body.to, { content, by: c.person.name, at: Date.now() });
    this.changed(app);
    return this.fileOf(app, c.body.to);
  }
  discard(c) {
    const app = this.of(c);
    if (c.body.name) app.drafts.delete(c.body.name);
    else app.drafts.clear();
    this.changed(app);
    return null;
  }
  makeCommit(c) {
    const app = this.of(c);
    const newest = app.commits.at(-1);
    if (c.body.parent && c.body.parent !== newest.id)
      throw new Problem(409, `${newest.author} committed ${newest.id} meanwhile.`);
    const text = this.text(app);
    const problems = app.checked ? this.check(text).filter((p) => p.severity === "error") : [];
    if (problems.length > 0) {
      const [p] = problems;
      const err = new Problem(422, `${p.file}, line ${p.line}: ${p.text}`);
      err.problems = problems;
      throw err;
    }
    if (app.drafts.size === 0) throw new Problem(422, "Nothing has changed since the newest commit.");
    const gone = Object.fromEntries([...app.drafts].filter(([, d]) => d.deleted).map(([n]) => [n, null]));
    return this.committed(app, c.body.message, { ...text, ...gone }, c.person.name);
  }
  committed(app, message, files, author, origin = "editor") {
    const before = this.present(app);
    const commit = this.put(app, message, files, author, { origin });
    // Drafts that say no more than the commit are done with.
    for (const [name, d] of app.drafts)
      if (d.deleted ? !(name in commit.content) : commit.content[name] === d.content) app.drafts.delete(name);
    const ships = app.pools
      .filter((p) => this.wanted(app, p) !== before.get(p.name))
      .map((p) => ({ pool: p.name, things: this.things(app, p.name).length }));
    this.ship(app, before);
    this.changed(app);
    return { status: 201, body: { commit: this.commit(app, commit), ships } };
  }
  restore(c) {
    const app = this.of(c);
    const old = this.commitAt(app, c.args[1]);
    const gone = Object.fromEntries(Object.keys(app.commits.at(-1).content).map((n) => [n, null]));
    const words = `Restore ${old.id}: ${old.message.split("\n")[0]}`;
    return this.committed(app, words, { ...gone, ...old.content }, c.person.name);
  }
  tag(c) {
    const app = this.of(c);
    this.commitAt(app, c.body.commit);
    const before = this.present(app);
    const tag = { name: c.args[1], commit: c.body.commit, by: c.person.name, at: Date.now() };
    app.tags = [...app.tags.filter((t) => t.name !== tag.name), tag];
    this.ship(app, before);
    this.changed(app);
    return tag;
  }
  untag(c) {
    const app = this.of(c);
    if (app.pools.some((p) => p.settings.app === c.args[1]))
      throw new Problem(409, `A pool is set to the tag ${c.args[1]}. Choose another version there first.`);
    app.tags = app.tags.filter((t) => t.name !== c.args[1]);
    this.changed(app);
    return null;
  }
  bring(c) {
    const app = this.of(c);
    const message = c.query.get("message") || "Import of a zip";
    const text = { "worker_task.py": worker + "\n# imported\n" };
    return this.committed(app, message, text, c.person.name, "import");
  }
  tell(c) {
    const app = this.of(c);
    return { sent: this.things(app, c.body.pool ?? "").length };
  }
}
