// Every thing this person may see, kept live. Events change plain data at once; the page hears of it ten times a second.
import { api, reason, type Resource, type System, type Thing } from "./api";
import { Live, type CommandEvent, type ReadingEvent, type Status, type ThingEvent } from "./live";
import { session } from "./session.svelte";
import { LiveThing } from "./thing.svelte";
import { asText } from "./value";

const flushEvery = 100; // ms
const askAgain = 3000; // ms between two questions about one thing
const staleAfter = 1000; // ms until what changed elsewhere is asked for
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function streamUrl(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v2/stream`;
}

class Fleet {
  status = $state<Status>("idle");
  loaded = $state(false);
  trouble = $state("");
  /** Goes up when things come, go or change what lists are sorted and filtered by. */
  #shape = $state(0);
  #things = new Map<string, LiveThing>();
  #dirty = new Set<LiveThing>();
  #shapeDirty = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unknown = new Set<string>();
  #stale = new Set<string>();
  #staleTimer: ReturnType<typeof setTimeout> | undefined;
  #askedAt = new Map<string, number>();
  system = $state.raw<System | null>(null);
  readonly live = new Live({
    url: streamUrl(),
    mayRetry: async () => {
      await session.load();
      return session.now?.state === "signed-in" || session.trouble !== "";
    },
    alive: () =>
      fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(10_000) }).then(
        () => true,
        () => false,
      ),
  });

  constructor() {
    this.live.on("status", (e) => {
      this.status = e.status;
      // Where WebSockets do not get through, the page still shows what is there.
      if (e.status === "lost" && !this.loaded) void this.#load();
    });
    this.live.on("fresh", () => void this.#load());
    this.live.on("reading", (e) => this.#reading(e));
    this.live.on("thing", (e) => this.#thing(e));
    this.live.on("command", (e) => this.#command(e));
    this.live.on("software", (e) => this.#outdated(e.thing));
    this.live.on("reset", (e) => this.#things.get(e.thing)?.forget());
    this.live.on("forgotten", (e) => this.drop(e.thing));
    addEventListener("online", () => this.live.hurry());
    addEventListener("offline", () => this.live.drop());
    document.addEventListener("visibilitychange", () => !document.hidden && this.live.hurry());
  }

  start(): void {
    this.live.open();
    void this.loadSystem();
  }
  stop(): void {
    this.live.close();
    clearTimeout(this.#staleTimer);
    this.#staleTimer = undefined;
    this.#stale.clear();
    this.#things.clear();
    this.loaded = false;
    this.system = null;
    this.#shape++;
  }
  async loadSystem(): Promise<void> {
    try {
      this.system = await api.system();
    } catch {
      // Pages that need it say so themselves.
    }
  }
  retry(): void {
    void this.#load();
  }

  async #load(): Promise<void> {
    try {
      const { things } = await api.things();
      this.#take(things);
      this.loaded = true;
      this.trouble = "";
    } catch (err) {
      this.trouble = reason(err);
    }
  }

  #take(list: Thing[]): void {
    const here = new Set<string>();
    for (const t of list) {
      here.add(t.id);
      const old = this.#things.get(t.id);
      if (!old) {
        this.#things.set(t.id, new LiveThing(t));
        continue;
      }
      const newer = new Map(old.resources);
      old.setInfo(t);
      old.setResources(
        (t.resources ?? []).map((r) => ((newer.get(r.name)?.at ?? 0) > r.at ? newer.get(r.name)! : r)),
      );
      old.staleSeries();
    }
    for (const id of this.#things.keys()) if (!here.has(id)) this.#things.delete(id);
    this.#shape++;
  }

  get all(): LiveThing[] {
    void this.#shape;
    return [...this.#things.values()].sort((a, b) => collator.compare(a.info.name, b.info.name));
  }
  get(id: string): LiveThing | undefined {
    void this.#shape;
    return this.#things.get(id);
  }
  counts = $derived.by(() => {
    void this.#shape;
    const c = { total: 0, online: 0, waiting: 0, ignored: 0 };
    for (const { info } of this.#things.values()) {
      if (info.state === "ignored") c.ignored++;
      else if (info.state === "waiting") c.waiting++;
      else {
        c.total++;
        if (info.online) c.online++;
      }
    }
    return c;
  });
  tags = $derived.by(() => {
    void this.#shape;
    const all = new Set<string>();
    for (const t of this.#things.values()) for (const tag of t.info.tags) all.add(tag);
    return [...all].sort(collator.compare);
  });
  gateways = $derived.by(() => {
    void this.#shape;
    const all = new Set<string>();
    for (const t of this.#things.values()) if (t.info.gateway) all.add(t.info.gateway);
    return [...all].sort(collator.compare);
  });
  protocols = $derived.by(() => {
    void this.#shape;
    const all = new Set<string>();
    for (const t of this.#things.values()) if (t.info.protocol) all.add(t.info.protocol);
    return [...all].sort(collator.compare);
  });

  /** Takes what a request answered, so that the page need not wait for the event. */
  put(t: Thing): LiveThing {
    let mine = this.#things.get(t.id);
    if (mine) {
      mine.setInfo(t);
      if (t.resources) mine.setResources(t.resources);
    } else this.#things.set(t.id, (mine = new LiveThing(t)));
    this.#shape++;
    return mine;
  }
  drop(id: string): void {
    if (this.#things.delete(id)) this.#shape++;
  }

  #reading(e: ReadingEvent): void {
    const t = this.#things.get(e.thing);
    if (!t) return this.#fetch(e.thing);
    const old = t.resource(e.resource);
    const r: Resource = {
      name: e.resource,
      value: e.value,
      at: e.at,
      kind: e.kind,
      writable: e.writable ?? old?.writable ?? false,
    };
    if (e.number !== undefined) r.number = e.number;
    if (e.unit !== undefined) r.unit = e.unit;
    if (e.resource === "name" && t.callsItself(asText(e.value))) this.#shapeDirty = true;
    if (t.take(r)) this.#fetch(e.thing); // a new resource: ask whether it can be written
    this.#dirty.add(t);
    this.#schedule();
  }
  #thing(e: ThingEvent): void {
    const t = this.#things.get(e.thing);
    if (t) t.setInfo({ ...e.data, last_heard: Math.max(e.data.last_heard ?? 0, t.info.last_heard) });
    else this.#things.set(e.thing, new LiveThing(e.data));
    if (!t || t.resources.size === 0) this.#fetch(e.thing);
    this.#shapeDirty = true;
    this.#schedule();
  }
  #command(e: CommandEvent): void {
    this.#things.get(e.thing)?.track(e.data);
  }
  #fetch(id: string): void {
    const now = Date.now();
    if (now - (this.#askedAt.get(id) ?? 0) < askAgain) return;
    this.#askedAt.set(id, now);
    this.#unknown.add(id);
    this.#schedule();
  }
  /** Which app it has, and at which commit, is told with the thing: ask again, however often it changes. */
  #outdated(id: string): void {
    this.#stale.add(id);
    this.#staleTimer ??= setTimeout(() => {
      this.#staleTimer = undefined;
      for (const t of this.#stale) this.#unknown.add(t);
      this.#stale.clear();
      this.#schedule();
    }, staleAfter);
  }
  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), flushEvery);
  }
  #flush(): void {
    this.#timer = undefined;
    for (const t of this.#dirty) t.flush();
    this.#dirty.clear();
    if (this.#shapeDirty) this.#shape++;
    this.#shapeDirty = false;
    if (this.#unknown.size > 20) {
      this.#unknown.clear();
      void this.#load();
    }
    const ids = [...this.#unknown];
    this.#unknown.clear();
    for (const id of ids) void this.#ask(id);
  }
  async #ask(id: string): Promise<void> {
    try {
      const t = await api.thing(id);
      if (t.resources) {
        const mine = this.#things.get(id);
        const known = mine?.resources;
        t.resources = t.resources.map((r) => {
          const have = known?.get(r.name);
          return have && have.at > r.at ? { ...have, writable: r.writable } : r;
        });
      }
      this.put(t);
    } catch {
      // Gone again, or not ours to see: its next event asks anew.
    }
  }
}
export const fleet = new Fleet();
