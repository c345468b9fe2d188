// One thing as the page holds it. Values live in plain maps; signals go up only when the fleet flushes,
// so that a thousand readings a second cost one redraw of what is on the screen.
import { api, reason, type Command, type CommandState, type Resource, type Thing } from "./api";
import { Series } from "./series";
import { numberOf } from "./value";

const order: Record<CommandState, number> = {
  queued: 0,
  sent: 1,
  done: 2,
  failed: 2,
  expired: 2,
  cancelled: 2,
};
/** Of two tellings of one command the later one: an event may overtake the answer to its request. */
export const later = (a: Command, b: Command): Command => (order[b.state] >= order[a.state] ? b : a);
export const ended = (c: Command): boolean => order[c.state] === 2;

export class LiveThing {
  readonly id: string;
  info = $state.raw<Thing>(undefined as unknown as Thing);
  #values = $state(0);
  #orders = $state(0);
  #resources = new Map<string, Resource>();
  #series = new Map<string, Series>();
  #loading = new Set<string>();
  #latest = new Map<string, Command>();
  /** What a search looks through, lower case. */
  hay = "";

  constructor(t: Thing) {
    this.id = t.id;
    this.setInfo(t);
    this.setResources(t.resources ?? []);
  }

  setInfo(t: Thing): void {
    this.info = { ...t, tags: t.tags ?? [] };
    this.#index();
  }
  setResources(list: Resource[]): void {
    this.#resources = new Map(list.map((r) => [r.name, r]));
    this.#index();
    this.#values++;
  }
  #index(): void {
    const t = this.info;
    this.hay = [t.name, t.id, t.protocol, t.address, ...t.tags, ...this.#resources.keys()]
      .join("\n")
      .toLowerCase();
  }

  get resources(): Map<string, Resource> {
    void this.#values;
    return this.#resources;
  }
  resource(name: string): Resource | undefined {
    void this.#values;
    return this.#resources.get(name);
  }

  /** Takes a reading in; the caller flushes. True when the resource is new here. */
  take(r: Resource): boolean {
    const old = this.#resources.get(r.name);
    if (old && old.at > r.at) return false;
    this.#resources.set(r.name, r);
    const series = this.#series.get(r.name);
    const n = series ? numberOf(r) : null;
    if (series && n !== null) series.add(r.at, n);
    if (r.at > this.info.last_heard) this.info.last_heard = r.at;
    if (!old) this.#index();
    return !old;
  }
  /** Its own name changed; true when that is what to show. */
  callsItself(name: string): boolean {
    if (this.info.given_name || this.info.name === (name || this.id)) return false;
    this.setInfo({ ...this.info, name: name || this.id });
    return true;
  }
  forget(): void {
    this.#resources = new Map();
    this.flush();
  }
  flush(): void {
    this.#values++;
  }

  /** The last hour of a resource, fetched once and then kept live. */
  series(name: string): Series {
    void this.#values;
    let s = this.#series.get(name);
    if (!s) this.#series.set(name, (s = new Series()));
    return s;
  }
  async loadSeries(name: string, signal?: AbortSignal): Promise<void> {
    const s = this.series(name);
    if (s.loaded || this.#loading.has(name)) return;
    this.#loading.add(name);
    try {
      const now = Date.now();
      const from = Math.max(now - 3_600_000, Math.min(this.info.first_heard, now - 60_000));
      const past = await api.readings(this.id, name, from, now, 60, signal);
      s.fill(past.numbers.map((p) => ({ t: p.t, v: p.mean })));
      this.#values++;
    } catch {
      // A sparkline is a nicety: without history it fills live.
    } finally {
      this.#loading.delete(name);
    }
  }
  /** History is out of date after a gap. */
  staleSeries(): void {
    for (const s of this.#series.values()) {
      s.clear();
      s.loaded = false;
    }
  }

  /** The newest command to a resource, while it matters. */
  latest(resource: string): Command | undefined {
    void this.#orders;
    return this.#latest.get(resource);
  }
  track(c: Command): void {
    if (c.kind !== "set") return;
    const old = this.#latest.get(c.resource);
    if (old && old.id !== c.id && old.created > c.created) return;
    this.#latest.set(c.resource, old?.id === c.id ? later(old, c) : c);
    this.#orders++;
  }
  dismiss(resource: string): void {
    this.#latest.delete(resource);
    this.#orders++;
  }

  /** Sends a value; a refusal shows up like a failed command. */
  async send(resource: string, value: unknown, expiresIn?: number): Promise<void> {
    const order = { resource, value, ...(expiresIn ? { expires_in: expiresIn } : {}) };
    try {
      this.track(await api.command(this.id, order));
    } catch (err) {
      this.track(this.#refused(resource, value, reason(err)));
    }
  }
  #refused(resource: string, value: unknown, error: string): Command {
    const at = Date.now();
    return {
      id: `refused-${at}-${Math.random()}`,
      thing: this.id,
      kind: "set",
      resource,
      value,
      state: "failed",
      error,
      result: null,
      by: "",
      created: at,
      sent: 0,
      ended: at,
      expires: 0,
    };
  }
}
