// One trial as its panel shows it.
import { ApiError, reason } from "../../lib/api";
import { trials, type TrialEvent, type TrialState } from "../../lib/trials";

export interface Line {
  id: number;
  at: number;
  kind: "print" | "info" | "warn" | "error" | "you" | "answer";
  text: string;
  detail?: string;
}
const keep = 300; // lines
const patience = 20_000; // ms until a start is slow

export class Trial {
  state = $state<TrialState | "none">("none");
  why = $state("");
  trouble = $state("");
  busy = $state(false);
  /** It has been starting for long. */
  slow = $state(false);
  lines = $state.raw<Line[]>([]);
  values = $state.raw<Record<string, unknown>>({});
  message = $state.raw<{ at: number; data: unknown } | null>(null);
  pins = $state.raw<Record<string, number>>({});
  pixels = $state.raw<Record<string, string[]>>({});
  #id = "";
  #events: EventSource | undefined;
  #next = 1;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get on(): boolean {
    return this.state === "starting" || this.state === "running";
  }

  async start(files: Record<string, string>, app: string): Promise<void> {
    this.trouble = "";
    this.busy = true;
    try {
      if (this.#id && (this.on || this.state === "crashed")) await trials.files(this.#id, files);
      else {
        this.#forget();
        const { id } = await trials.start(files, app);
        if (this.#closed) return void trials.stop(id).catch(() => {});
        this.#id = id;
        this.#enter("starting");
        this.#listen();
      }
    } catch (err) {
      this.trouble = reason(err);
    }
    this.busy = false;
  }
  async stop(): Promise<void> {
    const id = this.#id;
    this.#events?.close();
    this.#id = "";
    if (this.on) this.#enter("stopped");
    if (id) await trials.stop(id).catch(() => {}); // it ends by itself after some minutes
  }
  close(): void {
    this.#closed = true;
    void this.stop();
  }
  /** What a person types: a line for the shell after ">>>", else a message to the app. */
  async say(text: string, value: unknown, shell: boolean): Promise<void> {
    this.trouble = "";
    this.#add({ kind: "you", text: (shell ? ">>> " : "message: ") + text });
    try {
      const out = shell
        ? (await trials.shell(this.#id, text)).output
        : plain((await trials.tell(this.#id, value)).answer);
      if (out) this.#add({ kind: "answer", text: out });
    } catch (err) {
      if (err instanceof ApiError) this.#add({ kind: "error", text: err.message });
      else this.trouble = reason(err);
    }
  }
  async light(pin: string, value: number): Promise<void> {
    await trials.inputs(this.#id, { [pin]: value }).catch((err) => (this.trouble = reason(err)));
  }

  #enter(state: TrialState): void {
    this.state = state;
    this.slow = false;
    clearTimeout(this.#timer);
    if (state === "starting") this.#timer = setTimeout(() => (this.slow = true), patience);
  }
  #forget(): void {
    this.#events?.close();
    this.lines = [];
    this.values = {};
    this.message = null;
    this.pins = {};
    this.pixels = {};
    this.why = "";
    this.slow = false;
  }
  #listen(): void {
    const events = new EventSource(trials.events(this.#id));
    this.#events = events;
    events.onmessage = (m) => this.#take(JSON.parse(m.data as string) as TrialEvent);
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return; // it connects again by itself
      if (this.on) this.#enter("stopped");
    };
  }
  #take(e: TrialEvent): void {
    switch (e.type) {
      case "state":
        this.#enter(e.state);
        this.why = e.text;
        if (e.state === "stopped") this.#events?.close();
        break;
      case "log":
        this.#add({
          kind: e.level,
          text: e.text,
          at: e.at,
          ...(e.detail ? { detail: e.detail } : {}),
        });
        break;
      case "print":
        this.#print(e.text);
        break;
      case "values":
        this.values = { ...this.values, ...e.values };
        break;
      case "message":
        this.message = { at: e.at, data: e.data };
        break;
      case "pins":
        this.pins = e.pins ?? {};
        this.pixels = e.pixels ?? {};
    }
  }
  #print(text: string): void {
    for (const line of text.replace(/\r/g, "").split("\n"))
      if (line) this.#add({ kind: "print", text: line });
  }
  #add(line: Omit<Line, "id" | "at"> & { at?: number }): void {
    this.lines = [{ ...line, id: this.#next++, at: line.at ?? Date.now() }, ...this.lines].slice(0, keep);
  }
}

const plain = (v: unknown): string =>
  v === null || v === undefined ? "" : typeof v === "string" ? v : JSON.stringify(v);
