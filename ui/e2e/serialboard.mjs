// The real MicroPython at the end of a port: internal/serialboard, which is built once.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** SERIALBOARD names a built one. */
export class RealBoard {
  usb = { usbVendorId: 0x2e8a, usbProductId: 5 };
  said = "";

  constructor(chip = "esp32") {
    let program = process.env.SERIALBOARD;
    if (!program) {
      this.folder = mkdtempSync(join(tmpdir(), "serialboard-"));
      program = join(this.folder, "serialboard");
      execFileSync("go", ["build", "-tags", "vm", "-o", program, "./internal/serialboard"], { cwd: root });
    }
    this.child = spawn(program, ["-chip", chip], { stdio: ["pipe", "pipe", "inherit"] });
    this.ended = new Promise((done) => this.child.once("exit", done));
    this.child.stdin.on("error", () => {}); // it has gone
    this.child.stdout.on("data", (part) => {
      const text = part.toString("latin1");
      this.said += text;
      this.say?.(text);
    });
  }
  attach(say) {
    this.say = say;
  }
  detach() {
    this.say = null;
  }
  signals() {}
  rate() {}
  hear(bytes) {
    this.child.stdin.write(Buffer.from(bytes, "latin1"));
  }
  async close() {
    this.child.stdin.end();
    const late = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    await this.ended;
    clearTimeout(late);
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }
}
