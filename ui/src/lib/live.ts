// The one socket to /api/v2/stream. Knows frames, order and reconnection; not what they mean.
import type { Command, Kind, Thing } from "./api";

export interface ReadingEvent {
  type: "reading";
  seq: number;
  thing: string;
  resource: string;
  value: unknown;
  kind: Kind;
  number?: number;
  unit?: string;
  writable?: boolean;
  at: number;
}
export interface ThingEvent {
  type: "thing";
  seq: number;
  thing: string;
  data: Thing;
  at: number;
}
export interface CommandEvent {
  type: "command";
  seq: number;
  thing: string;
  data: Command;
  at: number;
}
/** An app changed: its commits, drafts, tags or pools. */
export interface AppEvent {
  type: "app";
  seq: number;
  thing: string;
  app: string;
  at: number;
}
/** What runs on a thing, or shall run there, changed. */
export interface SoftwareEvent {
  type: "software";
  seq: number;
  thing: string;
  at: number;
}
/** What the worker task of a thing sent. */
export interface MessageEvent {
  type: "message";
  seq: number;
  thing: string;
  id: number;
  value: unknown;
  at: number;
}
export interface LogEvent {
  type: "log";
  seq: number;
  thing: string;
  level: string;
  text: string;
  detail: string;
  at: number;
}
export interface GoneEvent<T extends "reset" | "forgotten"> {
  type: T;
  seq: number;
  thing: string;
  at: number;
}
/** Everything held is out of date: fetch again. Comes at the first connection and after a gap. */
export interface FreshEvent {
  type: "fresh";
}
export interface StatusEvent {
  type: "status";
  status: Status;
}
export type LiveEvent =
  | ReadingEvent
  | ThingEvent
  | CommandEvent
  | AppEvent
  | SoftwareEvent
  | MessageEvent
  | LogEvent
  | GoneEvent<"reset">
  | GoneEvent<"forgotten">
  | FreshEvent
  | StatusEvent;
type Named<T extends LiveEvent["type"]> = Extract<LiveEvent, { type: T }>;
export type Status = "idle" | "connecting" | "open" | "lost";

const cutForSlowness = 4008;
const longestWait = 15_000;

export interface LiveOptions {
  url: string;
  socket?: (url: string) => WebSocket;
  /** Asked before each new attempt; false ends it (signed out). */
  mayRetry?: () => Promise<boolean>;
  /** Asked when nothing has come for `silence`: whether the server answers. A network that is simply gone tells no socket. */
  alive?: () => Promise<boolean>;
  /** In ms; 20 s. As long, a new connection may take to be greeted. */
  silence?: number;
  /** First pause in ms; doubles to 15 s. */
  firstWait?: number;
  random?: () => number;
}

export class Live {
  status: Status = "idle";
  /** When the connection was last known good, Unix ms; 0 before the first. */
  goodAt = 0;
  #options: LiveOptions;
  #listeners = new Map<string, Set<(e: never) => void>>();
  #ws: WebSocket | null = null;
  #seq = 0;
  #greeted = false;
  #wait: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #silence: number;
  #closed = true;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#wait = options.firstWait ?? 500;
    this.#silence = options.silence ?? 20_000;
  }

  /** Listens; the returned function ends it. */
  on<T extends LiveEvent["type"]>(type: T, fn: (e: Named<T>) => void): () => void {
    let set = this.#listeners.get(type);
    if (!set) this.#listeners.set(type, (set = new Set()));
    set.add(fn as (e: never) => void);
    return () => set.delete(fn as (e: never) => void);
  }

  open(): void {
    if (!this.#closed) return;
    this.#closed = false;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#ws?.close(1000);
    this.#ws = null;
    this.#greeted = false;
    this.#seq = 0;
    this.#setStatus("idle");
  }

  /** Tries at once instead of after the pause (network came back, page became visible). */
  hurry(): void {
    if (this.#closed || this.status !== "lost") return;
    clearTimeout(this.#timer);
    void this.#retry();
  }

  /** The network is gone: do not wait for a time-out to say so. */
  drop(): void {
    const ws = this.#ws;
    ws?.close();
    if (ws) this.#lost(ws, 1006);
  }

  #connect(): void {
    if (this.status !== "lost") this.#setStatus("connecting");
    const make = this.#options.socket ?? ((url: string) => new WebSocket(url));
    const ws = make(this.#options.url);
    this.#ws = ws;
    ws.onopen = () => {
      const ask: { subscribe: object; after?: number } = { subscribe: {} };
      if (this.#greeted) ask.after = this.#seq;
      ws.send(JSON.stringify(ask));
    };
    ws.onmessage = (m) => this.#ws === ws && this.#read(String(m.data));
    ws.onclose = (e) => {
      if (this.#ws === ws && this.status === "open") this.goodAt = Date.now();
      this.#lost(ws, e.code);
    };
    ws.onerror = () => {}; // close follows
    this.#watchOver(ws, this.#silence);
  }

  /** Looks in a while whether anything came on ws, and gives it up if the server does not answer either. */
  #watchOver(ws: WebSocket, pause: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => void this.#look(ws), pause);
  }

  async #look(ws: WebSocket): Promise<void> {
    if (this.#ws !== ws) return;
    const left = this.goodAt + this.#silence - Date.now();
    if (this.status === "open" && left > 0) return this.#watchOver(ws, left);
    const heard = this.goodAt;
    const alive = this.status === "open" && (!this.#options.alive || (await this.#options.alive()));
    if (this.#ws !== ws) return;
    if (!alive && this.goodAt === heard) return this.drop();
    if (alive) this.goodAt = Date.now();
    this.#watchOver(ws, this.#silence);
  }

  #lost(ws: WebSocket, code: number): void {
    if (this.#ws !== ws || this.#closed) return;
    this.#ws = null;
    clearTimeout(this.#watch);
    this.#setStatus("lost");
    const pause =
      code === cutForSlowness ? 0 : this.#wait * (0.75 + 0.5 * (this.#options.random ?? Math.random)());
    this.#wait = Math.min(this.#wait * 2, longestWait);
    this.#timer = setTimeout(() => void this.#retry(), pause);
  }

  async #retry(): Promise<void> {
    if (this.#options.mayRetry && !(await this.#options.mayRetry())) return;
    if (!this.#closed && !this.#ws) this.#connect();
  }

  #read(text: string): void {
    let m: { type?: string; seq?: number };
    try {
      m = JSON.parse(text) as typeof m;
    } catch {
      return;
    }
    const seq = m.seq ?? 0;
    this.goodAt = Date.now();
    switch (m.type) {
      case "hello":
        this.#welcome(seq, !this.#greeted || seq < this.#seq);
        return;
      case "resync":
        this.#welcome(seq, true);
        return;
      case "reading":
      case "thing":
      case "command":
      case "app":
      case "software":
      case "message":
      case "log":
      case "reset":
      case "forgotten":
        if (seq !== 0 && seq <= this.#seq) return; // seen before the gap
        if (seq !== 0) this.#seq = seq;
        this.#emit(m as LiveEvent);
        return;
    }
  }

  #welcome(seq: number, fresh: boolean): void {
    this.#greeted = true;
    this.#wait = this.#options.firstWait ?? 500;
    if (fresh) this.#seq = seq;
    this.#setStatus("open");
    if (fresh) this.#emit({ type: "fresh" });
  }

  #setStatus(s: Status): void {
    if (this.status === s) return;
    this.status = s;
    this.#emit({ type: "status", status: s });
  }

  #emit(e: LiveEvent): void {
    for (const fn of this.#listeners.get(e.type) ?? []) (fn as (e: LiveEvent) => void)(e);
  }
}
