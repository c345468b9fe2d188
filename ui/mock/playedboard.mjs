// A board with MicroPython at a serial line, played. It runs no Python: it knows the calls that the page sends, and keeps
// files as they would be. Bytes are characters 0 to 255 of strings. What stands behind a port is an object with
// attach(say), hear(bytes), signals({…}) and rate(baud); this is one, the loader in a ROM another (playedrom.mjs).
import { createHash } from "node:crypto";

const rawPrompt = "raw REPL; CTRL-B to exit\r\n>";
const said = (...lines) => "\x02" + lines.join("\r\n") + "\x03";
const bytes = (s) => Buffer.from(s, "latin1");
const noSuchFile =
  'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\nOSError: [Errno 2] ENOENT\r\n';
const plainName = (n) => n.replace(/^\//, "");

export class PlayedBoard {
  files = new Map();
  dirs = new Set();
  boots = 0;
  usb = { usbVendorId: 0x1a86, usbProductId: 0x7523 };
  /** Everything that came over the line. */
  heard = "";
  #mode = "friendly";
  #line = "";
  #room = 0;
  #ready = false;
  #open = "";

  constructor({
    paste = "yes", // "no"; "old": it knows of no such thing
    deaf = 0, // interrupts that its program does not hear
    noise = "", // what something else on it prints before every answer
    spoil = 0, // pieces of which it loses a byte
    late = 0, // ms before it says anything
    free = 1 << 20,
    refuse = "", // a statement that raises OSError 28
    about = ["micropython", "1.28.0", "esp32", "Generic ESP32 module with ESP32"],
    mpy = 6,
    runtime = "", // the version of one that is on it
    watched = false, // a watchdog runs
    networks = ["home", "next door"],
    files = {},
    rom = null, // its partition: a Buffer
    runs = "0", // what of ours runs there: 0 nothing, 1 something, 2 with a watchdog
    caught = "0", // what still runs after it was reset and interrupted
    rots = 0, // pieces of the partition of which a bit falls over
    onBoot = () => "hello from boot.py\r\n",
  } = {}) {
    Object.assign(this, {
      paste,
      deaf,
      noise,
      spoil,
      late,
      free,
      refuse,
      about,
      mpy,
      runtime,
      watched,
      networks,
      onBoot,
      rom,
      runs,
      caught,
      rots,
    });
    if (runtime) this.files.set("_f/platform.py", Buffer.from("# the platform\n"));
    for (const [name, text] of Object.entries(files)) this.files.set(name, Buffer.from(text));
  }

  attach(say) {
    this.out = say;
    this.say("I (1234) boot: noise before anything\r\n");
  }
  detach() {
    this.out = null;
  }
  signals() {}
  rate() {}
  say(text) {
    if (this.late > 0) setTimeout(() => this.out?.(text), this.late);
    else this.out?.(text);
  }
  text(name) {
    return this.files.get(name)?.toString();
  }

  hear(data) {
    this.heard += data;
    for (const c of data) this.#char(c);
  }
  #char(c) {
    if (this.#mode === "friendly") return this.#friendly(c);
    if (this.#mode === "paste") return this.#pasted(c);
    return this.#raw(c);
  }
  #friendly(c) {
    if (c === "\x03" && --this.deaf < 0) this.say("KeyboardInterrupt: \r\n>>> ");
    if (this.deaf > 0) return;
    if (c === "\x01") {
      this.#mode = "raw";
      this.say("\r\n" + rawPrompt);
    } else if (c === "\x04") {
      this.say("\r\nMPY: soft reboot\r\n");
      this.boot();
    }
  }
  boot() {
    this.boots++;
    this.#ready = false;
    this.#mode = "friendly";
    this.say(this.onBoot(this));
  }
  #raw(c) {
    if (c === "\x01") {
      if (this.#line === "\x05A" && this.paste !== "old") return this.#paste();
      this.#line = "";
      this.say(rawPrompt);
    } else if (c === "\x02") {
      this.#mode = "friendly";
      this.#line = "";
      this.say("\r\nMicroPython v1.28.0; played\r\n>>> ");
    } else if (c === "\x03" || c === "\r") this.#line = "";
    else if (c === "\x04") {
      this.say("OK");
      if (this.#line) return this.#answer();
      this.empties = (this.empties ?? 0) + 1;
      this.runs = "0";
      this.#ready = false;
      this.say("\r\nMPY: soft reboot\r\n" + rawPrompt);
    } else this.#line += c;
  }
  #paste() {
    this.#line = "";
    if (this.paste === "no") return this.say("R\x00");
    this.#mode = "paste";
    this.#room = 64;
    this.say("R\x01\x20\x00\x01");
  }
  #pasted(c) {
    if (c === "\x04") {
      this.#mode = "raw";
      this.say("\x04");
      return this.#answer();
    }
    if (--this.#room < 0) this.overrun = true;
    this.#line += c;
    if (this.#line.length % 32 === 0) {
      this.#room += 32;
      this.say("\x01");
    }
  }
  #answer() {
    const source = this.#line;
    this.#line = "";
    const [out, raised] = this.#run(source);
    this.say(this.noise + out + "\x04" + raised + "\x04>");
  }

  #run(source) {
    const word = /^print\('(.*)'\)$/.exec(source);
    if (word) return [word[1] + "\r\n", ""];
    if (source.includes("getattr(_m.get('rt.hal')")) return [said(this.about[2], this.runs), ""];
    if (source.endsWith("import machine\nmachine.reset()")) {
      this.resets = (this.resets ?? 0) + 1;
      if (this.runs !== "0") this.runs = source.startsWith("import os") ? "1" : this.caught;
      setTimeout(() => this.boot(), 20);
      return ["", ""];
    }
    if (source.includes("os.rename('/_s/main','/main.py')")) return ["", ""];
    if (/def _(say|more|mem|romsize)\(/.test(source)) {
      this.#ready = true;
      return ["", ""];
    }
    const m = /^(_\w+)\((.*)\)$/.exec(source);
    if (!m || !this.#ready || !this[m[1]]) return ["", "NameError: name isn't defined\r\n"];
    if (this.refuse && source.startsWith(this.refuse))
      return ["", "Traceback (most recent call last):\r\nOSError: 28\r\n"];
    if (m[1].startsWith("_rom")) {
      const [, n, data] = /^(\d*)(?:, b'(.*)')?$/.exec(m[2]);
      return [this[m[1]](Number(n), Buffer.from(data ?? "", "base64")) ?? "", ""];
    }
    const args = [...m[2].matchAll(/'((?:[^'\\]|\\.)*)'/g)].map((a) =>
      a[1].replace(/\\(u[0-9a-f]{4}|.)/g, (_, e) =>
        e.length > 1 ? String.fromCharCode(parseInt(e.slice(1), 16)) : e,
      ),
    );
    try {
      return [this[m[1]](...args) ?? "", ""];
    } catch (err) {
      return ["", err.message];
    }
  }
  _about = () => said(...this.about);
  _fs = () => said("VfsLfs2");
  _free = () => said(this.free, 2 << 20);
  _more = () => said(this.mpy, 4 << 20, "a0b1c2d3e4f5", this.watched ? 1 : 0);
  // Flash: erased by sectors, to ones; written by words, which makes zeros.
  _romsize = () => said(this.rom?.length ?? -1);
  _romsum = (n) => said(createHash("sha256").update(this.rom.subarray(0, n)).digest("hex"));
  _romerase = (n) => (this.rom.fill(0xff, 0, Math.ceil(n / 4096) * 4096), said(4));
  _romw = (at, data) => {
    if (at % 4 || data.length % 4) throw new Error("OSError: 22\r\n");
    if (--this.rots >= 0) data[1] ^= 0x10;
    for (let i = 0; i < data.length; i++) this.rom[at + i] &= data[i];
  };
  _romend = () => {};
  _mem = () => said(110_000);
  _rt = () => said(this.runtime);
  _there = (...names) => said(names.map((n) => (this.files.has(plainName(n)) ? 1 : 0)).join(""));
  _scan = () =>
    said(...this.networks.map((n, i) => Buffer.from(n).toString("base64") + " " + (-40 - 10 * i)));
  _cat = (n) => {
    const f = this.files.get(plainName(n));
    return said(f ? "+" + f.toString("base64") : "-");
  };
  _tree = (d) => said(...[...this.files.keys()].map((n) => "/" + n).filter((n) => n.startsWith(d + "/")));
  _cp = (from, to) => void this.files.set(plainName(to), this.files.get(plainName(from)));
  _sha = (n) => {
    const f = this.files.get(plainName(n));
    return f ? said(f.length, createHash("sha256").update(f).digest("hex")) : said("-");
  };
  _put = (n) => {
    const dir = plainName(n).split("/").slice(0, -1).join("/");
    if (dir && !this.dirs.has(dir)) throw new Error(noSuchFile);
    this.#open = plainName(n);
    this.files.set(this.#open, Buffer.alloc(0));
  };
  _w = (text) => {
    let part = Buffer.from(text, "base64");
    if (--this.spoil >= 0) part = part.subarray(1);
    this.files.set(this.#open, Buffer.concat([this.files.get(this.#open), part]));
  };
  _end = () => {};
  _mv = (from, to) => {
    this.files.set(plainName(to), this.files.get(plainName(from)));
    this.files.delete(plainName(from));
  };
  _rm = (n) => void this.files.delete(plainName(n));
  _mkdir = (n) => void this.dirs.add(plainName(n));
}

/** The port of Web Serial in front of it, for tests in Node; in a browser e2e/port.mjs plays the same. */
export function portOf(device) {
  let give = null;
  return {
    readable: null,
    writable: null,
    getInfo: () => device.usb ?? {},
    async open({ baudRate }) {
      if (this.readable) throw new Error("The port is already open.");
      this.readable = new ReadableStream({ start: (c) => (give = c), cancel: () => (give = null) });
      this.writable = new WritableStream({
        write: (part) => device.hear(Buffer.from(part).toString("latin1")),
      });
      device.rate(baudRate);
      device.attach((text) => give?.enqueue(new Uint8Array(bytes(text))));
    },
    async close() {
      device.detach();
      this.readable = this.writable = give = null;
    },
    /** The cable is pulled. */
    lose() {
      const c = give;
      this.readable = this.writable = give = null;
      device.detach();
      c.error(Object.assign(new Error("The device has been lost."), { name: "NetworkError" }));
    },
    async setSignals(s) {
      device.signals(s);
    },
  };
}
