// One board on its way from the cable to the fleet: what the page shows of it, and what can be done next.
import { reason } from "../api";
import { newBoards, type MadeBoard, type NewBoard } from "../newboard";
import { Board, sha256, type About, type Files } from "./board";
import { cableOf, ports, type Cable, type Port } from "./port";
import { forget, foundOn, installRuntime, networkOf, tooLarge, type Found } from "./runtime";
import { identity, filesOf, noTLS, withNetwork, withServer, type Network } from "./setup";
import { bytesOf, Silent, Wire } from "./wire";

export type Stage =
  | "start"
  | "asking" // what it is
  | "silent" // MicroPython does not answer
  | "ready"
  | "flashing"
  | "writing"
  | "running"; // it was restarted

export interface Wanted extends NewBoard {
  network: Network | null;
  /** Where it finds this server; "": as the server thinks. */
  server: string;
  /** It stays the thing that it is. */
  keep: boolean;
}

async function whole(what: string, bytes: Uint8Array, sum: string): Promise<void> {
  if ((await sha256(bytes)) !== sum) throw new Error(`${what} came broken. Try again.`);
}

const mostText = 20_000; // characters of its console that are kept

export class Installer {
  stage = $state<Stage>("start");
  cable = $state.raw<Cable | null>(null);
  about = $state.raw<About | null>(null);
  found = $state.raw<Found | null>(null);
  trouble = $state("");
  /** What it is at, and how much of that is done: 0 to 1; -1: it does not tell. */
  act = $state("");
  share = $state(-1);
  console = $state("");
  /** The line is there: the console goes on. */
  linked = $state(false);
  /** The id it has now, and where it calls. */
  id = $state("");
  server = $state("");
  apPassword = $state("");
  apName = $state("");
  /** Programs that were in the way, under the names that they have now. */
  kept = $state.raw<string[]>([]);
  networks = $state.raw<{ name: string; signal: number }[]>([]);

  private port: Port | null = null;
  private wire: Wire | null = null;
  private board: Board | null = null;
  private stopped = false;
  private made: (MadeBoard & { for: string }) | null = null;

  get busy(): boolean {
    return ["asking", "flashing", "writing"].includes(this.stage);
  }

  /** Lets the person choose a port, and asks what hangs there. */
  async choose(): Promise<void> {
    let port: Port;
    try {
      port = await ports().requestPort();
    } catch (err) {
      if ((err as Error).name !== "NotFoundError") this.trouble = reason(err); // no port was chosen
      return;
    }
    await this.letGo();
    this.port = port;
    this.cable = cableOf(port);
    await this.ask();
  }

  async ask(): Promise<void> {
    if (!this.port) return;
    this.begin("asking", "Asking the board what it is");
    this.about = this.found = this.board = null;
    this.console = "";
    try {
      await this.open();
      this.board = await Board.open(this.wire!);
      this.about = this.board.about;
      this.found = await foundOn(this.board);
      this.stage = "ready";
    } catch (err) {
      await this.letGo();
      this.fail(err, err instanceof Silent ? "silent" : "start");
    }
  }

  private begin(stage: Stage, act: string): void {
    this.stage = stage;
    this.trouble = "";
    this.act = act;
    this.share = -1;
    this.stopped = false;
  }
  private fail(err: unknown, back: Stage): void {
    this.trouble = this.stopped ? "" : reason(err);
    this.stage = back;
  }
  private async open(): Promise<void> {
    await this.wire?.close();
    try {
      this.wire = await Wire.open(this.port!, undefined, () => (this.linked = false));
      this.linked = true;
    } catch (err) {
      throw new Error(
        `The port does not open: another program or browser tab has it, or this user may not. (${(err as Error).message})`,
      );
    }
  }
  // A board that waits at its prompt goes on with what it did before.
  private async letGo(): Promise<void> {
    if (this.board && this.stage === "ready") await this.board.resume().catch(() => {}); // it may have gone
    await this.wire?.close();
    this.wire = this.board = null;
  }

  /** Ends what is under way. What is on the board is whole: files take their places one by one. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.wire?.close("You stopped it.");
    this.wire = this.board = null;
    this.stage = this.port && this.stage !== "asking" ? "silent" : "start";
  }

  async flash(file: () => Promise<Uint8Array>, erase: boolean, baud: number): Promise<void> {
    this.begin("flashing", "Fetching the firmware");
    try {
      const bytes = await file();
      await this.letGo();
      const { flash } = await import("./flash");
      await flash(this.port!, bytes, {
        erase,
        baud,
        tell: (act, share) => ((this.act = act), (this.share = share)),
      });
    } catch (err) {
      return this.fail(err, "silent");
    }
    await this.ask();
  }

  async scan(): Promise<void> {
    if (this.board) this.networks = await this.board.networks();
  }

  /** The whole of it: a thing at the server, the runtime and who it is onto the board, and a restart. */
  async install(w: Wanted): Promise<void> {
    this.begin("writing", "Fetching the runtime");
    try {
      const b = this.board!;
      const { files, image } = await this.runtime(b);
      const who = w.keep ? {} : await this.newThing(w);
      const server = w.server || this.made?.server || "";
      const fault = noTLS(b.about.platform, server);
      if (fault) throw new Error(fault);
      if (w.keep) this.keepIdentity();
      else {
        Object.assign(files, who);
        if (this.found!.runtime) {
          this.act = "Clearing what it was before";
          await forget(b);
        }
      }
      Object.assign(files, await this.settings(w.network, server));
      this.kept = await installRuntime(b, files, this.progress(), image);
      await this.restart();
    } catch (err) {
      this.broken(err);
    }
  }

  private async runtime(b: Board): Promise<{ files: Files; image: Uint8Array | null }> {
    const inPart = b.about.platform === "esp8266";
    const got = await (inPart ? newBoards.image() : newBoards.files(b.about.mpy));
    const files = filesOf(got.files);
    for (const f of got.files) await whole(f.path, files["/" + f.path]!, f.sha256);
    if (!inPart) return { files, image: null };
    if (!got.image) throw new Error("The server gave no image of the runtime.");
    const image = bytesOf(atob(got.image.data));
    await whole("The runtime", image, got.image.sha256);
    const fault = tooLarge(b, image);
    if (fault) throw new Error(fault);
    return { files, image };
  }

  private keepIdentity(): void {
    this.id = this.found!.id;
    this.apPassword = this.found!.apPassword;
  }

  /** Only its network and server. */
  async configure(w: Wanted): Promise<void> {
    this.begin("writing", "Reading its settings");
    try {
      this.keepIdentity();
      const files = await this.settings(w.network, w.server);
      await this.board!.put(Object.keys(files), files, this.progress());
      await this.restart();
    } catch (err) {
      this.broken(err);
    }
  }

  private broken(err: unknown): void {
    const there = this.wire !== null && this.wire.ended === null;
    this.fail(err, there ? "ready" : "silent");
  }

  // Tried again, the same thing is used: its key was on no board yet.
  private async newThing(w: Wanted): Promise<Files> {
    const wish = JSON.stringify([w.name, w.app, w.pool]);
    if (this.made?.for !== wish) {
      const { name, app, pool } = w;
      const b = { ...(name && { name }), ...(app && { app }), ...(app && pool && { pool }) };
      this.made = { ...(await newBoards.make(b)), for: wish };
    }
    this.id = this.made.id;
    this.apPassword = this.made.apPassword;
    return identity(this.made);
  }

  private async settings(network: Network | null, server: string): Promise<Files> {
    const b = this.board!;
    this.server = server;
    return {
      ...(network?.ssid ? withNetwork(await b.readFile("/wifi.json"), network) : {}),
      ...(server ? withServer(await b.readFile("/settings.json"), server) : {}),
    };
  }

  private progress() {
    this.act = "Comparing what is there";
    let [all, done] = [0, 0];
    return {
      all: (bytes: number) => (all = bytes),
      file: (name: string, _: number, same: boolean) => {
        if (!same) this.act = `Writing ${name.slice(1)}`;
      },
      sent: (n: number) => {
        done += n;
        if (all) this.share = done / all;
      },
    };
  }

  private async restart(): Promise<void> {
    this.act = "Restarting it";
    this.share = -1;
    this.console = "";
    this.apName = networkOf(this.about!.uid);
    const hear = (text: string) => this.hear(text);
    await (this.about!.watched ? this.board!.reset(hear) : this.board!.restart(hear));
    this.made = this.board = null;
    this.stage = "running";
  }

  private hear(text: string): void {
    const all = this.console + text.replaceAll("\r\n", "\n").replaceAll("\r", "");
    this.console = all.length > mostText ? all.slice(-mostText) : all;
  }

  /** Listens again, after the board took its USB away with it. */
  async listen(): Promise<void> {
    this.trouble = "";
    try {
      await this.open();
      this.wire!.listen((text) => this.hear(text));
    } catch (err) {
      this.trouble = reason(err);
    }
  }

  /** For the next board. */
  async again(): Promise<void> {
    await this.letGo();
    this.port = this.cable = this.about = this.found = null;
    this.kept = [];
    this.id = this.server = this.apPassword = this.console = this.trouble = "";
    this.stage = "start";
  }

  async close(): Promise<void> {
    this.stopped = true;
    await this.letGo();
  }
}
