// The set-up of one device: polls it, one request at a time, and knows what it last said.
import { ask, readCheck, readScan, type Check, type Network, type Order, type Verb } from "./device";

const every = 4000;

export class Setup {
  /** null: not connected. */
  device = $state.raw<Check | null>(null);
  /** The command that waits or is on its way; checks are not shown. */
  busy = $state<Verb | "">("");
  networks = $state.raw<Network[] | null>(null);
  wifi = $state<"" | "joined" | "failed">("");
  /** What the last command came to, when it went wrong. */
  trouble = $state("");
  finished = $state(false);
  /** Checks that went wrong in a row. */
  misses = $state(0);
  #pending: Order | null = null;
  #asking = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly address: string,
    readonly secure: boolean,
  ) {}

  start(): void {
    this.finished = false;
    this.misses = 0;
    void this.#tick();
    this.#timer ??= setInterval(() => void this.#tick(), every);
  }
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Sends a command as soon as no request is under way; one at a time. */
  send(order: Order): void {
    if (this.busy) return;
    this.busy = order.cmd;
    this.trouble = "";
    if (order.cmd === "join" || order.cmd === "check_wifi") this.wifi = "";
    this.#pending = order;
    void this.#tick();
  }

  async #tick(): Promise<void> {
    if (this.#asking || this.finished) return;
    this.#asking = true;
    const order = this.#pending ?? { cmd: "check" as const };
    this.#pending = null;
    try {
      this.#take(order, await ask(this.address, order, { secure: this.secure }));
    } catch {
      this.#lost(order);
    }
    this.#asking = false;
    if (order.cmd !== "check") this.busy = "";
    if (this.#pending || (order.cmd !== "check" && this.device && !this.finished)) void this.#tick();
  }

  #take(order: Order, answer: unknown): void {
    this.misses = 0;
    const a = (answer ?? {}) as { status?: string; isconnected?: boolean; essid?: string | null };
    switch (order.cmd) {
      case "check":
        this.device = readCheck(answer) ?? this.device;
        return;
      case "scan":
        this.networks = readScan(answer);
        return;
      case "join":
      case "check_wifi":
        this.wifi = a.status === "OK" && a.isconnected ? "joined" : "failed";
        if (this.wifi === "failed")
          this.trouble =
            order.cmd === "join"
              ? `The device could not join ${order.params?.essid || "that network"}. Check the name and the password; it only sees 2.4 GHz networks.`
              : a.essid
                ? `The device could not join ${a.essid}.`
                : "No Wi-Fi is stored on the device yet.";
        return;
      case "close":
        this.finished = true;
        this.stop();
        return;
      default:
        if (a.status !== "OK") this.trouble = "The device did not take it. Try again.";
    }
  }
  #lost(order: Order): void {
    // A closing device may be gone before its answer is.
    if (order.cmd === "close") return this.#take(order, null);
    this.misses++;
    this.device = null;
    this.networks = null;
    this.wifi = "";
    if (order.cmd === "join" || order.cmd === "check_wifi")
      this.trouble =
        "The device did not answer in time. It may still be joining: stay on its network, this page goes on.";
    else if (order.cmd !== "check")
      this.trouble = "The device did not answer. Try again when it is connected.";
  }
}
