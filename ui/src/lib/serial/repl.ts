// MicroPython's raw prompt (https://docs.micropython.org/en/latest/reference/repl.html), spoken as `roost install` does.
import { pause, Silent, type Wire } from "./wire";

export const ctrlA = "\x01"; // raw prompt
export const ctrlB = "\x02"; // friendly prompt
export const ctrlC = "\x03"; // interrupt
export const ctrlD = "\x04"; // run; on an empty line: soft reset
export const ctrlE = "\x05"; // with A and 1: raw paste
export const rawPrompt = "raw REPL; CTRL-B to exit\r\n>";

export const chipReset = "import machine\nmachine.reset()";

/** In ms, but for tries. */
export interface Pace {
  tries: number; // of an interrupt, to a program that may be deaf for a while
  enter: number; // for the raw prompt after it
  quiet: number; // silence that counts as one
  paste: number; // for an answer to the question for raw paste
  answer: number; // silence of a board that works: flash is slow
  boot: number; // silence of boot.py
}
export const usualPace: Pace = { tries: 16, enter: 700, quiet: 100, paste: 2000, answer: 15_000, boot: 5000 };

/** What a statement raised on the board. */
export class PythonError extends Error {
  constructor(readonly traceback: string) {
    const last = (traceback.trim().split("\n").at(-1) ?? "").trim();
    const help = remedies.find(([is]) => is.test(last))?.[1];
    super(`The board says: ${last}${help ? `. ${help}` : ""}`);
  }
}
/** What is to be done about what small boards raise most. */
const remedies: [RegExp, string][] = [
  [/^OSError: (\[Errno )?28\b/, "Its flash is full: put MicroPython on it anew with its flash erased."],
  [/^MemoryError/, "It has too little memory free: press its button RESET and try again."],
];

export class Repl {
  /** The board knows no raw paste. */
  noPaste = false;
  constructor(
    readonly wire: Wire,
    readonly pace: Pace = usualPace,
  ) {}

  /** Interrupts what runs and asks for the raw prompt, again and again. */
  async enter(): Promise<void> {
    for (let i = 0; i < this.pace.tries; i++) {
      await this.wire.write("\r" + ctrlC + ctrlC);
      await this.wire.drop(this.pace.quiet);
      await this.wire.write("\r" + ctrlA);
      try {
        await this.wire.until(this.pace.enter, rawPrompt);
        return await this.settle();
      } catch (err) {
        if (!(err instanceof Silent)) throw err;
      }
    }
    throw new Silent(
      "It does not answer to an interrupt with MicroPython’s prompt. Either MicroPython is not on it, or another program has the port, or it sleeps: press its button RESET and try again.",
    );
  }

  // A slow board answers all earlier attempts at once: their end is where a statement that nobody sent before is answered.
  private async settle(): Promise<void> {
    const word = `roost${Math.random().toString(36).slice(2)}`;
    await this.wire.write(`print('${word}')${ctrlD}`);
    for (const end of [word, ctrlD, ctrlD, ">"]) await this.wire.until(this.pace.enter, end);
  }

  /** Starts MicroPython anew, with boot.py and without main.py, and comes back to the raw prompt. */
  async empty(): Promise<void> {
    await this.wire.write(ctrlD);
    try {
      await this.wire.until(this.pace.boot, rawPrompt);
    } catch (err) {
      if (!(err instanceof Silent)) throw err;
      await this.enter();
    }
  }

  /** Resets the chip after a statement and interrupts it as soon as it starts. */
  async caught(before = ""): Promise<void> {
    await this.send(before + chipReset);
    for (let i = 0; i < 400 && !this.wire.in.endsWith(">>> "); i++) {
      await this.wire.fill(50);
      await this.wire.write(ctrlC);
    }
    await this.enter();
  }

  leave(): Promise<void> {
    return this.wire.write("\r" + ctrlB);
  }

  /** Runs statements on the board; gives what they printed, and throws what they raised. */
  async exec(source: string, patience = this.pace.answer): Promise<string> {
    await this.send(source);
    const out = await this.wire.until(patience, ctrlD);
    const trace = await this.wire.until(this.pace.answer, ctrlD);
    await this.wire.until(this.pace.answer, ">");
    if (trace.before.trim()) throw new PythonError(trace.before);
    return out.before;
  }

  private async send(text: string): Promise<void> {
    if (!this.noPaste) {
      const window = await this.askPaste();
      if (window > 0) return this.paste(text, window);
      this.noPaste = true;
    }
    // The buffer of a UART, which has no flow control here.
    for (let i = 0; i < text.length; i += 128) {
      if (i > 0) await pause(10);
      await this.wire.write(text.slice(i, i + 128));
    }
    await this.wire.write(ctrlD);
    await this.wire.until(this.pace.answer, "OK");
  }

  // Raw paste: we send 05 41 01; "R\x01" and a window of two bytes is yes, "R\x00" no, and a board before 1.14
  // shows its prompt. Then source goes, at most a window ahead of the credits (01) that come.
  private async askPaste(): Promise<number> {
    await this.wire.write(ctrlE + "A" + ctrlA);
    let said: { end: string };
    try {
      said = await this.wire.until(this.pace.paste, "R\x01", "R\x00", rawPrompt);
    } catch (err) {
      if (!(err instanceof Silent)) throw err;
      await this.enter();
      return 0;
    }
    if (said.end !== "R\x01") return 0;
    while (this.wire.in.length < 2) if (!(await this.wire.fill(this.pace.paste))) throw new Silent();
    const window = this.wire.in.charCodeAt(0) | (this.wire.in.charCodeAt(1) << 8);
    this.wire.in = this.wire.in.slice(2);
    if (window === 0) throw new Error("The board has a window of nothing.");
    return window;
  }

  private async paste(source: string, window: number): Promise<void> {
    let room = window;
    for (let at = 0; at < source.length;) {
      while (this.wire.in || room === 0) {
        if (!this.wire.in && !(await this.wire.fill(this.pace.answer))) throw new Silent();
        const c = this.wire.in[0];
        this.wire.in = this.wire.in.slice(1);
        if (c === "\x01") room += window;
        else if (c === ctrlD) return this.wire.write(ctrlD); // it wants no more; why stands in its answer
      }
      const n = Math.min(room, source.length - at);
      await this.wire.write(source.slice(at, at + n));
      at += n;
      room -= n;
    }
    await this.wire.write(ctrlD);
    await this.wire.until(this.pace.answer, ctrlD);
  }

  /** Lets the program that was interrupted begin again. */
  async resume(): Promise<void> {
    await this.leave();
    await pause(this.pace.quiet);
    await this.wire.write(ctrlD);
  }

  /** Resets the chip. Of a board whose own USB the line is, the line ends with it, which is no fault. */
  async reset(tell: (text: string) => void): Promise<void> {
    await this.send(chipReset);
    this.wire.listen(tell);
  }

  /** Starts MicroPython anew, without resetting the chip; what it says goes to whoever listens. */
  async restart(tell: (text: string) => void): Promise<void> {
    await this.leave();
    await this.wire.drop(this.pace.quiet);
    this.wire.listen(tell);
    await this.wire.write(ctrlD);
  }
}

/** Text as Python writes it, in ASCII. */
export function quote(s: string): string {
  let out = "";
  for (const c of s) {
    const code = c.codePointAt(0)!;
    if (c === "'" || c === "\\") out += "\\" + c;
    else if (code >= 0x20 && code < 0x7f) out += c;
    else if (code > 0xffff) out += "\\U" + code.toString(16).padStart(8, "0");
    else out += "\\u" + code.toString(16).padStart(4, "0");
  }
  return `'${out}'`;
}
