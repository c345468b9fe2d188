// A board with MicroPython at the end of a line: what it is, and files that are sent in pieces, read back, and only
// then put in the place of the old ones.
import helpers from "../../../../install/board.py?raw";
import partition from "../../../../install/romfs.py?raw";
import runtime from "../../../../install/runtime.py?raw";
import more from "./ask.py?raw";
import { PythonError, quote, Repl, usualPace, type Pace } from "./repl";
import { binary, bytesOf, type Wire } from "./wire";

export interface About {
  implementation: string; // micropython, circuitpython
  version: string; // 1.22.2
  platform: string; // esp8266, esp32, rp2
  machine: string; // "Generic ESP32C3 module with ESP32C3"
  /** VfsLfs2, VfsFat… or "" when the board does not tell. */
  fileSystem: string;
  /** Of the file system, bytes; -1: not known. */
  size: number;
  free: number;
  /** Of Python's heap, bytes. */
  memory: number;
  /** Bytes of the chip's flash; 0: it does not tell. */
  flash: number;
  /** Version of .mpy files that it takes; 0: none. */
  mpy: number;
  /** The chip's number, 12 hexadecimal digits; "" if it has none. */
  uid: string;
  /** Of an ESP8266's partition for a read-only file system, bytes; 0: there is none. */
  rom: number;
  /** A watchdog runs, which nothing but a reset of the chip ends. The helpers feed it. */
  watched: boolean;
}
interface State {
  there: boolean;
  size: number;
  sum: string;
}
export type Files = Record<string, Uint8Array>;
export interface Progress {
  /** One is begun; same ones are left as they are. */
  file?: (name: string, size: number, same: boolean) => void;
  /** So many bytes have gone; below 0 when a file is sent again. */
  sent?: (n: number) => void;
}

// What goes in one statement: its line, twice as much compiled, and the bytes themselves must have room on the smallest board.
const piece = 384;
const tries = 3;
const unfinished = ".new";
const block = 4096; // what a file takes at least

// As `roost install` does (install/afresh.go): what runs on an ESP8266 leaves no room, and runs from the flash that is
// to be written. 0 nothing of ours is loaded, 1 something, 2 with a watchdog that has begun.
const whatRuns = `import sys
_m=sys.modules
print('\\x02'+sys.platform+'\\n'+str(2 if getattr(_m.get('rt.hal'),'_wdt',None) is not None else int(any(getattr(x,'__file__','')[:2] in ('/_','/r') for x in _m.values())))+'\\x03')`;
// A program that cannot be interrupted before it has a watchdog is out of the way while the chip starts.
const setAside = "import os\nos.rename('/main.py','/_s/main')\n";
const putBack = "import os\ntry:\n os.rename('/_s/main','/main.py')\nexcept OSError:\n pass";
const resets = 3;

class Differs extends Error {
  constructor() {
    super("What the board has is not what was sent.");
  }
}

export class Board extends Repl {
  about!: About;

  /** Interrupts the program that runs and asks the board what it is. The line stays the caller's. */
  static async open(wire: Wire, pace: Pace = usualPace): Promise<Board> {
    const b = new Board(wire, pace);
    await b.enter();
    await b.clear();
    await b.exec(helpers);
    await b.exec(runtime);
    await b.exec(more);
    const [implementation, version, platform, machine] = await b.lines("_about()", 4);
    const [fs] = await b.lines("_fs()", 1);
    const { free, size } = await b.space();
    const [mpy, flash, uid, watched] = await b.lines("_more()", 4);
    const [memory] = await b.lines("_mem()", 1);
    let rom = 0;
    if (platform === "esp8266") {
      await b.exec(partition);
      rom = Math.max(0, Number((await b.lines("_romsize()", 1))[0]));
    }
    b.about = {
      implementation: implementation!,
      version: version!,
      platform: platform!,
      machine: machine!,
      fileSystem: fs!.replace(/[<>]/g, ""),
      size,
      free,
      memory: Number(memory),
      flash: Number(flash),
      mpy: Number(mpy),
      uid: uid!,
      rom,
      watched: watched === "1",
    };
    return b;
  }

  private async clear(): Promise<void> {
    for (let n = 0; n <= resets; n++) {
      const [platform, runs] = await this.lines(whatRuns, 2);
      if (platform !== "esp8266") return;
      if (runs !== "2") {
        if (runs !== "0") await this.empty();
        await this.exec(putBack);
        return;
      }
      if (n < resets) await this.caught(n > 0 ? setAside : "");
    }
    throw new Error(
      "The board’s watchdog begins before its program can be interrupted. Press its button RESET, and try again at once.",
    );
  }

  // A statement whose answer is lines between two marks, so that what else the board prints meanwhile (its network
  // does) is not taken for it.
  async lines(statement: string, n = 0, patience?: number): Promise<string[]> {
    const out = await this.exec(statement, patience);
    const from = out.indexOf("\x02");
    const to = out.indexOf("\x03", from);
    const lines = out
      .slice(from + 1, to)
      .replaceAll("\r", "")
      .split("\n");
    if (from < 0 || to < 0 || (n > 0 && lines.length !== n))
      throw new Error(`The board answered “${out.slice(0, 200)}” to ${statement}.`);
    return lines;
  }

  private async space(): Promise<{ free: number; size: number }> {
    const [free, size] = (await this.lines("_free()", 2)).map(Number);
    return { free: free!, size: size! };
  }

  /** Networks in reach of the board, the strongest first. */
  async networks(): Promise<{ name: string; signal: number }[]> {
    const out: { name: string; signal: number }[] = [];
    for (const line of await this.lines("_scan()", 0, 2 * this.pace.answer)) {
      const [name, signal] = line.split(" ");
      if (name) out.push({ name: new TextDecoder().decode(bytesOf(atob(name))), signal: Number(signal) });
    }
    return out.sort((a, b) => b.signal - a.signal);
  }

  /** The first bytes of a file; null when it is not there. */
  async readFile(name: string, most = 4096): Promise<Uint8Array | null> {
    const [text] = await this.lines(`_cat(${quote(name)}, ${most})`, 1);
    return text === "-" ? null : bytesOf(atob(text!.slice(1)));
  }

  /** All files below a folder, with their whole names. */
  async tree(folder: string): Promise<string[]> {
    return (await this.lines(`_tree(${quote(folder)})`)).filter((n) => n !== "");
  }

  async there(...names: string[]): Promise<boolean[]> {
    const [marks] = await this.lines(`_there(${names.map(quote).join(", ")})`, 1);
    return [...marks!].map((m) => m === "1");
  }

  /** Takes a file away; one that is not there is no error. */
  async remove(name: string): Promise<void> {
    await this.exec(`_rm(${quote(name)})`);
  }

  /** The names of the files that the board does not have as they shall be, if these will have room. */
  async compare(files: Files, p: Progress = {}): Promise<string[]> {
    const lacking: string[] = [];
    let need = 0;
    let largest = 0;
    for (const [name, data] of Object.entries(files)) {
      const now = await this.state(name);
      if (now.there && now.size === data.length && now.sum === (await sha256(data))) {
        p.file?.(name, data.length, true);
        continue;
      }
      lacking.push(name);
      need += Math.max(0, data.length - now.size) + (now.there ? 0 : block);
      largest = Math.max(largest, data.length);
    }
    if (lacking.length === 0) return lacking;
    const { free } = await this.space();
    if (free >= 0 && need + largest > free)
      throw new Error(
        `The files need ${kb(need + largest)} and the board has ${kb(free)} free. Nothing was written.`,
      );
    return lacking;
  }

  /** Writes files one after another. It ends with the first fault, with the old content of that file in its place. */
  async put(names: string[], files: Files, p: Progress = {}): Promise<void> {
    for (const name of names) {
      p.file?.(name, files[name]!.length, false);
      await this.writeFile(name, files[name]!, p.sent);
    }
  }

  private async state(name: string): Promise<State> {
    const lines = await this.lines(`_sha(${quote(name)})`);
    if (lines.length === 1) return { there: false, size: 0, sum: "" };
    return { there: true, size: Number(lines[0]), sum: lines[1]! };
  }

  /** Folders are made. `sent` is told of bytes that have gone. */
  async writeFile(name: string, data: Uint8Array, sent?: (n: number) => void): Promise<void> {
    await this.makeFolders(name);
    let fault: unknown;
    for (let i = 0; i < tries; i++) {
      try {
        return await this.writeOnce(name, data, sent);
      } catch (err) {
        fault = err;
        if (!(err instanceof Differs)) break;
      }
    }
    if (fault instanceof Differs || fault instanceof PythonError)
      await this.exec(`_rm(${quote(name + unfinished)})`).catch(() => {}); // what counts is why
    throw fault instanceof PythonError ? new Error(`${name}: ${fault.message}`) : fault;
  }

  private async writeOnce(name: string, data: Uint8Array, sent?: (n: number) => void): Promise<void> {
    const fresh = quote(name + unfinished);
    await this.exec(`_put(${fresh})`);
    for (let at = 0; at < data.length; at += piece) {
      const part = data.subarray(at, at + piece);
      await this.exec(`_w(b'${btoa(binary(part))}')`);
      sent?.(part.length);
    }
    await this.exec("_end()");
    const now = await this.state(name + unfinished);
    if (!now.there || now.size !== data.length || now.sum !== (await sha256(data))) {
      sent?.(-data.length);
      throw new Differs();
    }
    await this.exec(`_mv(${fresh}, ${quote(name)})`);
  }

  /** How much one runtime may have in the partition, bytes. */
  get part(): number {
    return Math.floor(this.about.rom / 3 / block) * block;
  }

  /** The first part of the partition begins with the image. */
  async hasImage(image: Uint8Array): Promise<boolean> {
    const [sum] = await this.lines(`_romsum(${image.length})`, 1, 4 * this.pace.answer);
    return sum === (await sha256(image));
  }

  async writeImage(image: Uint8Array, sent?: (n: number) => void): Promise<void> {
    for (let i = 0; i < tries; i++) {
      await this.writeImageOnce(image, sent);
      if (await this.hasImage(image)) return;
      sent?.(-image.length);
    }
    throw new Differs();
  }

  // The beginning comes last: what was cut on the way is no image.
  private async writeImageOnce(image: Uint8Array, sent?: (n: number) => void): Promise<void> {
    const [answer] = await this.lines(`_romerase(${image.length})`, 1, 4 * this.pace.answer);
    const least = Math.max(4, Number(answer));
    if (Number(answer) < 0 || piece % least !== 0)
      throw new Error(`The board’s partition cannot be written (${answer}).`);
    const put = async (at: number) => {
      const part = image.subarray(at, at + piece);
      const whole = new Uint8Array(Math.ceil(part.length / least) * least).fill(0xff); // as erased flash is
      whole.set(part);
      await this.exec(`_romw(${at}, b'${btoa(binary(whole))}')`);
      sent?.(part.length);
    };
    for (let at = piece; at < image.length; at += piece) await put(at);
    await put(0);
    await this.exec("_romend()");
  }

  private async makeFolders(name: string): Promise<void> {
    const parts = name.split("/").slice(0, -1);
    for (let i = 1; i <= parts.length; i++) {
      const dir = parts.slice(0, i).join("/");
      if (dir) await this.exec(`_mkdir(${quote(dir)})`);
    }
  }
}

export const kb = (n: number): string => `${Math.ceil(n / 1024)} kB`;

export async function sha256(data: Uint8Array): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", data as BufferSource);
  return [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join("");
}
