// One thing of an app while it is watched: what runs on it, its log, its last values, messages to it.
import { api, ApiError, reason, type Command } from "../../lib/api";
import { fleet } from "../../lib/fleet.svelte";
import { software, type LogLine, type Software } from "../../lib/software";
import { ended, later } from "../../lib/thing.svelte";

const keep = 200; // lines

export class Watched {
  readonly id: string;
  software = $state.raw<Software | null>(null);
  log = $state.raw<LogLine[]>([]);
  last = $state.raw<{ at: number; value: unknown } | null>(null);
  sent = $state.raw<Command[]>([]);
  trouble = $state("");
  #stops: (() => void)[];
  #soon: ReturnType<typeof setTimeout> | undefined;
  #own = -1; // ids for lines that came live

  constructor(id: string) {
    this.id = id;
    const on = fleet.live.on.bind(fleet.live);
    this.#stops = [
      on("log", (e) => {
        if (e.thing !== id) return;
        const { level, text, detail, at } = e;
        this.log = [{ id: this.#own--, level, text, detail, at }, ...this.log].slice(0, keep);
      }),
      on("message", (e) => e.thing === id && (this.last = { at: e.at, value: e.value })),
      on("software", (e) => e.thing === id && this.#later()),
      on("command", (e) => e.thing === id && this.#take(e.data, false)),
      on("fresh", () => void this.load()),
    ];
    void this.load();
  }
  close(): void {
    this.#stops.forEach((stop) => stop());
    clearTimeout(this.#soon);
  }
  #later(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#state();
    }, 250);
  }
  async #state(): Promise<void> {
    try {
      this.software = await software.get(this.id);
      this.trouble = "";
    } catch (err) {
      if (!(err instanceof ApiError && err.status === 404)) this.trouble = reason(err);
    }
  }
  async load(): Promise<void> {
    await this.#state();
    try {
      const [{ log }, { messages }] = await Promise.all([
        software.log(this.id, 0, 50),
        software.messages(this.id, 0, 1),
      ]);
      this.#fill(log ?? []);
      const m = messages?.[0];
      if (m && m.at >= (this.last?.at ?? 0)) this.last = m;
    } catch (err) {
      this.trouble ||= reason(err);
    }
  }
  /** The past under what came live meanwhile, without telling a line twice. */
  #fill(past: LogLine[]): void {
    const seen = new Set(past.map((l) => l.at + l.text));
    this.log = [...this.log.filter((l) => l.id < 0 && !seen.has(l.at + l.text)), ...past];
  }

  async send(value: unknown): Promise<void> {
    this.#take(await api.command(this.id, { kind: "message", value }), true);
  }
  #take(c: Command, mine: boolean): void {
    if (c.kind !== "message") return;
    const old = this.sent.find((x) => x.id === c.id);
    if (!old && !mine) return;
    this.sent = old ? this.sent.map((x) => (x.id === c.id ? later(x, c) : x)) : [c, ...this.sent].slice(0, 3);
  }
  waiting = $derived(this.sent.some((c) => !ended(c)));
}
