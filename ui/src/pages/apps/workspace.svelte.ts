// One app as its page holds it: settings, commits, and the working copy with what is typed and not saved yet.
import { reason, ApiError } from "../../lib/api";
import {
  clashesOf,
  meet,
  order,
  stateOf,
  texts,
  unsaved,
  type Clash,
  type WorkFile,
} from "../../lib/app-files";
import { apps, problemsOf, type App, type Commit, type Problem, type Shipment } from "../../lib/apps";
import { fleet } from "../../lib/fleet.svelte";

const checkAfter = 500; // ms without a key
const reloadAfter = 250;

export class Workspace {
  readonly id: string;
  app = $state.raw<App | null>(null);
  commits = $state.raw<Commit[]>([]);
  files = $state.raw<WorkFile[]>([]);
  /** The newest commit, on which the working copy stands. */
  base = $state("");
  baseText = $state.raw(new Map<string, string>());
  problems = $state.raw<Problem[]>([]);
  checking = $state(false);
  clashes = $state.raw<Clash[]>([]);
  /** Who committed under this page's feet. */
  overtaken = $state.raw<Commit | null>(null);
  trouble = $state("");
  missing = $state(false);
  loaded = $state(false);
  saving = $state(false);
  open = $state.raw<string[]>([]);
  active = $state("");
  message = $state("");
  /** States of the editor by file, so that undo lasts as long as the page. */
  readonly memory = new Map<string, unknown>();

  #epoch = 0;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #checkSoon: ReturnType<typeof setTimeout> | undefined;
  #checkAbort: AbortController | undefined;
  #stops: (() => void)[];

  constructor(id: string) {
    this.id = id;
    this.#stops = [
      fleet.live.on("app", (e) => e.app === id && this.#later()),
      fleet.live.on("software", () => this.#later()),
      fleet.live.on("fresh", () => this.#later()),
    ];
    void this.load();
  }
  close(): void {
    this.#stops.forEach((stop) => stop());
    clearTimeout(this.#soon);
    clearTimeout(this.#checkSoon);
    this.#checkAbort?.abort();
  }
  #later(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.load();
    }, reloadAfter);
  }

  dirty = $derived(this.files.some(unsaved));
  shown = $derived(this.files.map((f) => ({ ...f, state: stateOf(f, this.baseText), unsaved: unsaved(f) })));
  changed = $derived(this.shown.filter((f) => f.state !== "same"));
  errors = $derived(this.problems.filter((p) => p.severity === "error"));
  file = (name: string): WorkFile | undefined => this.files.find((f) => f.name === name);

  async load(): Promise<void> {
    const epoch = this.#epoch;
    try {
      const [app, commits, files] = await Promise.all([
        apps.one(this.id),
        apps.commits(this.id),
        apps.files(this.id),
      ]);
      const base = files.base === this.base ? null : await apps.files(this.id, files.base);
      if (epoch !== this.#epoch) return this.#later(); // it may be older than what was saved meanwhile
      this.app = app;
      this.commits = commits;
      this.#take(meet(this.files, files.files));
      if (base) this.#rebase(files.base, new Map(base.files.map((f) => [f.name, f.content])));
      if (!this.loaded) this.problems = files.problems;
      this.trouble = "";
      this.missing = false;
      this.#settle();
    } catch (err) {
      this.missing = err instanceof ApiError && err.status === 404;
      this.trouble = reason(err);
    }
  }
  #take({ files, clashes }: { files: WorkFile[]; clashes: Clash[] }): void {
    const texts = new Map(this.files.map((f) => [f.name, f.text]));
    this.files = files;
    this.#addClashes(clashes);
    if (this.loaded && files.some((f) => texts.get(f.name) !== f.text)) this.#check();
  }
  #rebase(base: string, text: Map<string, string>): void {
    if (this.base) {
      const clashes = clashesOf(this.files, this.baseText, text);
      this.#addClashes(clashes);
      if (clashes.length > 0) this.overtaken = this.commits.find((c) => c.id === base) ?? null;
    }
    this.base = base;
    this.baseText = text;
  }
  #addClashes(more: Clash[]): void {
    if (more.length === 0) return;
    const names = new Set(more.map((c) => c.name));
    this.clashes = [...this.clashes.filter((c) => !names.has(c.name)), ...more];
  }
  /** First look: the worker is what most people came for. */
  #settle(): void {
    const here = new Set(this.files.map((f) => f.name));
    this.open = this.open.filter((n) => here.has(n));
    if (!here.has(this.active)) this.active = this.open.at(-1) ?? this.files[0]?.name ?? "";
    if (this.active && !this.open.includes(this.active)) this.open = [...this.open, this.active];
    this.loaded = true;
  }

  show(name: string): void {
    if (!this.open.includes(name)) this.open = [...this.open, name];
    this.active = name;
  }
  /** Closes a tab; what is typed in it stays in the working copy. */
  hide(name: string): void {
    const i = this.open.indexOf(name);
    this.open = this.open.filter((n) => n !== name);
    if (this.active === name) this.active = this.open[Math.max(0, i - 1)] ?? "";
  }
  edit(name: string, text: string): void {
    const f = this.file(name);
    if (!f || f.text === text) return;
    this.#put({ ...f, text });
    this.#check();
  }
  #put(f: WorkFile): void {
    this.files = [...this.files.filter((x) => x.name !== f.name), f].sort((a, b) => order(a.name, b.name));
  }

  /** Checks what the next commit would be, a moment after the last key. */
  #check(): void {
    clearTimeout(this.#checkSoon);
    this.#checkSoon = setTimeout(() => void this.#checkNow(), checkAfter);
  }
  async #checkNow(): Promise<void> {
    this.#checkAbort?.abort();
    const abort = (this.#checkAbort = new AbortController());
    this.checking = true;
    try {
      this.problems = await apps.check(this.id, texts(this.files), abort.signal);
    } catch {
      // Offline: what was known stands; a commit is checked by the server anyway.
    }
    if (this.#checkAbort === abort) this.checking = false;
  }

  /** Runs something that changes the working copy there; loads that began before it do not count. */
  async #change<T>(act: () => Promise<T>): Promise<T> {
    this.#epoch++;
    this.saving = true;
    try {
      return await act();
    } finally {
      this.#epoch++;
      this.saving = false;
    }
  }
  async save(name: string): Promise<void> {
    const f = this.file(name);
    if (!f || !unsaved(f)) return;
    const text = f.text;
    this.#put({ ...f, sent: text });
    const { file } = await this.#change(() => apps.save(this.id, name, text));
    const now = this.file(name);
    if (now) this.#put({ ...now, saved: text, state: file.state, by: file.by, at: file.at });
    this.#later();
  }
  async saveAll(): Promise<void> {
    for (const f of this.files.filter(unsaved)) await this.save(f.name);
  }
  async add(name: string, text = ""): Promise<void> {
    const { file } = await this.#change(() => apps.save(this.id, name, text));
    this.memory.delete(name);
    this.#put({ ...file, saved: text, text });
    this.show(name);
    this.#check();
    this.#later();
  }
  async remove(name: string): Promise<void> {
    await this.#change(() => apps.removeFile(this.id, name));
    const f = this.file(name)!;
    this.hide(name);
    this.memory.delete(name);
    if (this.baseText.has(name))
      this.#put({ ...f, state: "deleted", text: f.saved ?? "", saved: f.saved ?? "" });
    else this.files = this.files.filter((x) => x.name !== name);
    this.#check();
    await this.load();
  }
  async rename(name: string, to: string): Promise<void> {
    await this.save(name);
    await this.#change(() => apps.renameFile(this.id, name, to));
    const wasOpen = this.open.includes(name);
    this.memory.delete(name);
    await this.load();
    if (wasOpen) {
      this.hide(name);
      this.show(to);
    }
    this.#check();
  }
  /** Back to the newest commit: one file, or all. */
  async discard(name = ""): Promise<void> {
    await this.#change(() => apps.discard(this.id, name));
    const back = this.files.filter((f) => !name || f.name === name);
    for (const f of back) this.#put({ ...f, text: f.saved ?? f.text, saved: f.saved ?? f.text });
    this.files = this.files.filter((f) => this.baseText.has(f.name) || (name !== "" && f.name !== name));
    this.clashes = this.clashes.filter((c) => name && c.name !== name);
    await this.load();
    this.#check();
  }

  /** Saves what is typed and commits the working copy. A refusal leaves everything as it is. */
  async commit(message: string): Promise<Shipment> {
    await this.saveAll();
    try {
      const made = await this.#change(() => apps.commit(this.id, message, this.base));
      this.#committed(made);
      return made;
    } catch (err) {
      const problems = problemsOf(err);
      if (problems.length > 0) this.problems = problems;
      if (err instanceof ApiError && err.status === 409) await this.load();
      throw err;
    }
  }
  /** A commit of one's own is no news to be warned of. */
  #committed({ commit }: Shipment): void {
    this.base = commit.id;
    this.baseText = new Map(Object.entries(texts(this.files)));
    this.files = this.files.filter((f) => f.state !== "deleted").map((f) => ({ ...f, state: "same" }));
    this.clashes = [];
    this.overtaken = null;
    this.#later();
  }
  async restore(commit: string): Promise<Shipment> {
    const made = await this.#change(() => apps.restore(this.id, commit));
    await this.load();
    return made;
  }
  /** Decides about a file that another changed as well. */
  keep(name: string): void {
    this.clashes = this.clashes.filter((c) => c.name !== name);
    if (this.clashes.length === 0) this.overtaken = null;
  }
  take(name: string): void {
    const c = this.clashes.find((x) => x.name === name);
    const f = this.file(name);
    if (c && f) {
      if (c.theirs === null) this.files = this.files.filter((x) => x.name !== name);
      else this.edit(name, c.theirs);
    }
    this.keep(name);
    this.#settle();
  }
}
