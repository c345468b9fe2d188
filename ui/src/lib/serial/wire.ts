// A serial line that is read up to a mark, with a bound on silence. Bytes are characters 0 to 255 of strings, which
// can be searched; text for people is decoded from UTF-8 at the end.
import { usual, type Port } from "./port";

/** Nothing came in time. */
export class Silent extends Error {
  constructor(what = "The board does not answer.") {
    super(what);
  }
}
/** The line has gone: pulled out, lost, or let go by us. */
export class Gone extends Error {}

/** What a board may say without the mark that is waited for. */
const most = 4 << 20;
// Faults of a line after which it goes on, with a new stream.
const passing = ["BufferOverrunError", "FramingError", "BreakError", "ParityError"];

export const bytesOf = (s: string): Uint8Array<ArrayBuffer> => Uint8Array.from(s, (c) => c.charCodeAt(0));
export function binary(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 4096) out += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return out;
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class Wire {
  /** Has come and was not taken yet. */
  in = "";
  private arrived = "";
  private wake: (() => void) | null = null;
  private listener: ((text: string) => void) | null = null;
  private decoder = new TextDecoder();
  private reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  private over: Gone | null = null;
  private pumping: Promise<void> = Promise.resolve();

  private constructor(
    private readonly port: Port,
    private readonly onend: () => void,
  ) {}

  /** `onend` is called once, when the line has gone. */
  static async open(port: Port, baudRate = usual, onend: () => void = () => {}): Promise<Wire> {
    await port.open({ baudRate, bufferSize: 16 << 10 });
    const wire = new Wire(port, onend);
    wire.pumping = wire.pump();
    return wire;
  }

  /** Why there is nothing more to be had from it; null while there is. */
  get ended(): Gone | null {
    return this.over;
  }

  private async pump(): Promise<void> {
    while (this.port.readable && !this.over) {
      this.reader = this.port.readable.getReader();
      try {
        for (;;) {
          const { value, done } = await this.reader.read();
          if (done) {
            this.end("The serial port was closed.");
            return;
          }
          this.take(value);
        }
      } catch (err) {
        if (!(err instanceof Error && passing.includes(err.name))) break;
      } finally {
        this.reader.releaseLock();
        this.reader = null;
      }
    }
    this.end("The board has gone: the cable was pulled, or it restarted its USB. Connect it again.");
  }

  private take(bytes: Uint8Array): void {
    if (this.listener) {
      this.listener(this.decoder.decode(bytes, { stream: true }));
      return;
    }
    this.arrived += binary(bytes);
    if (this.arrived.length > most) this.arrived = this.arrived.slice(-most); // nobody asks for it
    this.wake?.();
  }

  private end(why: string): void {
    if (!this.over) {
      this.over = new Gone(why);
      this.onend();
    }
    this.wake?.();
  }

  /** Takes what has come; false when nothing did within `quiet` ms. */
  async fill(quiet: number): Promise<boolean> {
    const end = Date.now() + quiet;
    for (;;) {
      if (this.arrived) {
        this.in += this.arrived;
        this.arrived = "";
        return true;
      }
      if (this.over) throw this.over;
      const left = end - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left);
        this.wake = () => (clearTimeout(timer), done());
      });
      this.wake = null;
    }
  }

  /** Reads up to the first of the ends; gives what stood before it, and which it was. */
  async until(quiet: number, ...ends: string[]): Promise<{ before: string; end: string }> {
    for (;;) {
      let at = -1;
      let end = "";
      for (const e of ends) {
        const i = this.in.indexOf(e);
        if (i >= 0 && (at < 0 || i < at)) [at, end] = [i, e];
      }
      if (at >= 0) {
        const before = this.in.slice(0, at);
        this.in = this.in.slice(at + end.length);
        return { before, end };
      }
      if (this.in.length > most) throw new Error("The board talks without end.");
      if (!(await this.fill(quiet))) throw new Silent();
    }
  }

  async write(data: string): Promise<void> {
    if (this.over) throw this.over;
    if (!this.port.writable) throw new Gone("The board has gone. Connect it again.");
    const writer = this.port.writable.getWriter();
    try {
      await writer.write(bytesOf(data));
    } catch (err) {
      throw this.over ?? new Gone(`The board does not take what is sent: ${(err as Error).message}`);
    } finally {
      writer.releaseLock();
    }
  }

  /** Throws away what has come until it is silent; a board that talks without end is not waited for. */
  async drop(quiet: number): Promise<void> {
    for (let left = 50; left > 0; left--) {
      this.in = "";
      if (!(await this.fill(quiet))) return;
    }
    this.in = "";
  }

  /** From now on what the board says goes there, as text, until it is called with null. */
  listen(to: ((text: string) => void) | null): void {
    this.listener = to;
    if (!to) return;
    const before = this.in + this.arrived;
    this.in = this.arrived = "";
    if (before) to(this.decoder.decode(bytesOf(before), { stream: true }));
  }

  /** Lets the port go; whoever still waits for the board is told why. */
  async close(why = "The board was let go."): Promise<void> {
    this.end(why);
    try {
      await this.reader?.cancel();
      await this.pumping;
      await this.port.close();
    } catch {
      // It has gone already.
    }
  }
}
