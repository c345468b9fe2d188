// The software of one thing, kept live.
import { reason } from "./api";
import { fleet } from "./fleet.svelte";
import { software, type Software } from "./software";

/** Contacts of a thing are not told one by one: ask now and then. */
const again = 15_000;

export class LiveSoftware {
  now = $state.raw<Software | null>(null);
  trouble = $state("");
  constructor(readonly thing: string) {}

  async load(): Promise<void> {
    try {
      this.now = await software.get(this.thing);
      this.trouble = "";
    } catch (err) {
      this.trouble = reason(err);
    }
  }
  /** Loads and keeps up to date until the returned function is called. */
  watch(): () => void {
    void this.load();
    const stops = [
      fleet.live.on("software", (e) => e.thing === this.thing && void this.load()),
      fleet.live.on("fresh", () => void this.load()),
    ];
    const timer = setInterval(() => !document.hidden && void this.load(), again);
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    };
  }
  /** Takes what a change answered. */
  put(s: Software): void {
    this.now = s;
  }
}
