// The loader in an ESP32's ROM and the flasher that esptool-js puts beside it, played: packets in SLIP, a flash in
// memory. What a real chip does beyond that (timing, its registers, USB) is not played.
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";

const op = {
  begin: 0x10, // of packed data; 0x02 plain
  memBegin: 0x05,
  memEnd: 0x06,
  memData: 0x07,
  sync: 0x08,
  writeReg: 0x09,
  readReg: 0x0a,
  data: 0x11,
  end: 0x12,
  md5: 0x13,
  security: 0x14,
  erase: 0xd0,
};
const magicAt = 0x40001000;
const flashID = 0x1640ef; // 4 MB
const spiData = 0x3ff42080;

export class PlayedROM {
  flash = Buffer.alloc(4 << 20, 0xa5);
  usb = { usbVendorId: 0x10c4, usbProductId: 0xea60 };
  erased = 0;
  resets = 0;
  stub = false;
  loader = false;
  #in = [];
  #pins = { dtr: false, rts: false };
  #at = 0;
  #packed = [];

  /** deaf: its pins are not wired. spoil: a bit of the flash is bad. after: who is on the line when it is reset. */
  constructor({ deaf = false, spoil = false, after = null } = {}) {
    Object.assign(this, { deaf, spoil, after });
  }
  attach(say) {
    this.out = say;
    if (this.running) this.after?.attach(say);
  }
  detach() {
    this.out = null;
    this.after?.detach();
  }
  rate(baud) {
    this.baud = baud;
  }
  // Two transistors: both at once pull none. RTS alone holds the reset, DTR alone chooses the loader.
  signals({ dataTerminalReady: dtr = this.#pins.dtr, requestToSend: rts = this.#pins.rts }) {
    const held = this.#pins.rts && !this.#pins.dtr;
    this.#pins = { dtr, rts };
    if (this.deaf || !held || (rts && !dtr)) return;
    this.resets++;
    this.loader = dtr;
    this.stub = false;
    this.running = !dtr && this.after !== null;
    if (this.running) this.after.attach(this.out);
    else if (dtr) this.say(Buffer.from("ets Jun  8 2016\r\nwaiting for download\r\n"));
  }
  say(b) {
    this.out?.(b.toString("latin1"));
  }
  hear(data) {
    if (this.running) return this.after.hear(data);
    if (!this.loader) return;
    for (const c of Buffer.from(data, "latin1")) {
      if (c !== 0xc0) this.#in.push(c);
      else if (this.#in.length > 0) {
        const text = Buffer.from(this.#in).toString("latin1");
        this.#in = [];
        this.#packet(
          Buffer.from(text.replaceAll("\xdb\xdc", "\xc0").replaceAll("\xdb\xdd", "\xdb"), "latin1"),
        );
      }
    }
  }
  #slip(b) {
    const text = b.toString("latin1").replaceAll("\xdb", "\xdb\xdd").replaceAll("\xc0", "\xdb\xdc");
    this.say(Buffer.from("\xc0" + text + "\xc0", "latin1"));
  }
  #reply(code, value = 0, data = Buffer.alloc(0), status = 0, why = 0) {
    const head = Buffer.alloc(8);
    const tail = this.stub ? [status, why] : [status, why, 0, 0];
    head.writeUInt8(1, 0);
    head.writeUInt8(code, 1);
    head.writeUInt16LE(data.length + tail.length, 2);
    head.writeUInt32LE(value >>> 0, 4);
    this.#slip(Buffer.concat([head, data, Buffer.from(tail)]));
  }
  #packet(p) {
    const code = p[1];
    const body = p.subarray(8);
    const word = (i) => body.readUInt32LE(4 * i);
    switch (code) {
      case op.sync:
        for (let i = 0; i < 8; i++) this.#reply(code, 0x20120707);
        return;
      case op.security: // the ESP32 knows no such thing
        return this.#reply(code, 0, undefined, 1, 5);
      case op.readReg:
        return this.#reply(code, { [magicAt]: 0x00f01d83, [spiData]: flashID }[word(0)] ?? 0);
      case op.memEnd:
        this.#reply(code);
        this.stub = true;
        return this.#slip(Buffer.from("OHAI"));
      case op.erase:
        this.erased++;
        this.flash.fill(0xff);
        return this.#reply(code);
      case op.begin:
        this.#at = word(3);
        this.#packed = [];
        return this.#reply(code);
      case op.data:
        this.#packed.push(Buffer.from(body.subarray(16)));
        return this.#reply(code);
      case op.end:
      case op.md5:
        this.#write();
        if (code === op.end) return this.#reply(code);
        return this.#reply(code, 0, this.#sum(word(0), word(1)));
      default:
        return this.#reply(code);
    }
  }
  #write() {
    if (this.#packed.length === 0) return;
    inflateSync(Buffer.concat(this.#packed)).copy(this.flash, this.#at);
    this.#packed = [];
    if (this.spoil) this.flash[this.#at + 9] ^= 4;
  }
  #sum(at, size) {
    return createHash("md5")
      .update(this.flash.subarray(at, at + size))
      .digest();
  }
}
