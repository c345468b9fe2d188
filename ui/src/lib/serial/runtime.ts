// Our own runtime on a board: what it has of it, and how it is put there, as `roost install --runtime` does.
import { kb, type Board, type Files, type Progress } from "./board";
import { quote } from "./repl";
import { serverIn } from "./setup";

/** What of ours, or of PythingsOS, is on it already. */
export interface Found {
  runtime: boolean;
  /** Of the runtime that the installer put there, "" if it does not tell. */
  version: string;
  /** The id in its key, "" without one. */
  id: string;
  /** Where it calls, "" if that stands nowhere. */
  server: string;
  /** Of the network that it opens for its set-up, "" if there is none. */
  apPassword: string;
  pythings: boolean;
}

const text = (b: Uint8Array | null): string => (b ? new TextDecoder().decode(b) : "");
const json = (b: Uint8Array | null): Record<string, unknown> => {
  try {
    return (JSON.parse(text(b)) ?? {}) as Record<string, unknown>;
  } catch {
    return {}; // the runtime takes it for nothing, too
  }
};

export async function foundOn(b: Board): Promise<Found> {
  const [key, source, compiled, hal, version] = await b.there(
    "/_s/key",
    "/_f/platform.py",
    "/_f/platform.mpy",
    "/hal.py",
    "/version.py",
  );
  if (!key && !source && !compiled)
    return { runtime: false, version: "", id: "", server: "", apPassword: "", pythings: !!hal && !!version };
  const { id, key: secret } = json(await b.readFile("/_s/key"));
  return {
    runtime: true,
    version: (await b.lines("_rt()", 1))[0]!,
    id: typeof id === "string" && typeof secret === "string" ? id : "",
    server: serverIn(await b.readFile("/settings.json")),
    apPassword: text(await b.readFile("/_s/ap")).trim(),
    pythings: false,
  };
}

/** The name of the network that the runtime opens for its set-up. */
export const networkOf = (uid: string): string => "Roost-" + uid.slice(-4).toUpperCase();

const starters = ["/boot.py", "/main.py"];

/** Puts it onto the board: first what it must know, then the runtime, then what starts it. An installation that was
 * cut is simply begun again. The image goes into the board's partition. Gives the names under which programs of somebody else are kept. */
export async function installRuntime(
  b: Board,
  files: Files,
  p: Progress & { all?: (bytes: number) => void },
  image: Uint8Array | null = null,
): Promise<string[]> {
  const writes = image && !(await b.hasImage(image)) ? image : null;
  const lacking = await b.compare(files, p);
  p.all?.(lacking.reduce((sum, name) => sum + files[name]!.length, writes?.length ?? 0));
  const stage = (n: string) =>
    starters.includes(n) ? 2 + starters.indexOf(n) : n.startsWith("/_f/") ? 1 : 0;
  lacking.sort((x, y) => stage(x) - stage(y) || (x < y ? -1 : 1));
  const last = lacking.filter((n) => starters.includes(n));
  await b.put(lacking.slice(0, lacking.length - last.length), files, p);
  if (writes) {
    p.file?.("/the runtime into its partition", writes.length, false);
    await b.writeImage(writes, p.sent);
  }
  await inCharge(b, files);
  const kept = await keepOld(b, last);
  await b.put(last, files, p);
  return kept;
}

// The runtime that was just written is the one that runs, with nothing of an older one beside it: of two files that
// are the same module, source goes first.
async function inCharge(b: Board, files: Files): Promise<void> {
  for (const name of await b.tree("/_f")) if (!files[name]) await b.remove(name);
  const slots = json(await b.readFile("/_s/os"));
  if (slots.run) {
    const { bad = [], n = 0 } = slots; // no older offer than n is ever taken
    const factory = { run: "", ver: "", prev: "", pver: "", bad, n };
    await b.writeFile("/_s/os", new TextEncoder().encode(JSON.stringify(factory)));
  }
  await b.remove("/_s/fail");
}

async function keepOld(b: Board, names: string[]): Promise<string[]> {
  const kept: string[] = [];
  for (const name of names) {
    const before = text(await b.readFile(name, 16 << 10));
    if (!before || before.includes("rt.main") || before.includes("/_s/os")) continue; // none, or ours
    const stem = "/old_" + name.slice(1, -3);
    let as = stem + ".py";
    for (let i = 2; (await b.there(as))[0]; i++) as = `${stem}_${i}.py`;
    await b.exec(`_cp(${quote(name)}, ${quote(as)})`);
    kept.push(as.slice(1));
  }
  return kept;
}

/** Why the image does not fit; "" if it does. */
export function tooLarge(b: Board, image: Uint8Array | null): string {
  if (!image || image.length <= b.part) return "";
  return `The runtime has ${kb(image.length)}, and a third of the board’s partition for it ${kb(b.part)}: it needs a firmware with a larger one. Nothing was written.`;
}

/** Takes away all that the runtime has of its own there, but nothing of other programs. */
export async function forget(b: Board): Promise<void> {
  for (const name of ["settings", "wifi", "device_id", "config", "version"]) await b.remove(`/${name}.json`);
  for (const folder of ["/_s", "/_a", "/_b", "/_p", "/_q"])
    for (const name of await b.tree(folder)) await b.remove(name);
}
