// The working copy of an app as one browser holds it, and how it meets what the server has. Pure.
import type { FileState, Problem, SourceFile } from "./apps";

export interface WorkFile {
  name: string;
  /** Against the newest commit, as the server has it. */
  state: FileState;
  by: string;
  at: number;
  /** The draft or committed content on the server; null when it is not there (any more). */
  saved: string | null;
  /** What the editor has. */
  text: string;
  /** What was last sent from here: seeing it come back is no news. */
  sent?: string;
}
/** Another changed a file that is changed here, too. */
export interface Clash {
  name: string;
  /** Null: the other took the file away. */
  theirs: string | null;
}

export const unsaved = (f: WorkFile): boolean => f.state !== "deleted" && f.text !== f.saved;

/** State as shown: what is typed counts, saved or not. */
export function stateOf(f: WorkFile, base: Map<string, string>): FileState {
  if (f.state === "deleted") return "deleted";
  const old = base.get(f.name);
  if (old === undefined) return "new";
  return old === f.text ? "same" : "changed";
}

/** Takes in what the server has; what is typed here and not saved stays. */
export function meet(mine: WorkFile[], theirs: SourceFile[]): { files: WorkFile[]; clashes: Clash[] } {
  const clashes: Clash[] = [];
  const files: WorkFile[] = [];
  const old = new Map(mine.map((f) => [f.name, f]));
  for (const t of theirs) {
    const m = old.get(t.name);
    old.delete(t.name);
    const fresh: WorkFile = {
      ...{ name: t.name, state: t.state, by: t.by, at: t.at, saved: t.content, text: t.content },
      ...(m?.sent === undefined ? {} : { sent: m.sent }),
    };
    if (!m || !unsaved(m)) files.push(fresh);
    else {
      if (t.state === "deleted") {
        files.push({ ...fresh, state: "changed", saved: null, text: m.text });
        clashes.push({ name: t.name, theirs: null });
        continue;
      }
      files.push({ ...fresh, text: m.text });
      const known = t.content === m.saved || t.content === m.sent || t.content === m.text;
      if (!known) clashes.push({ name: t.name, theirs: t.content });
    }
  }
  // What the server no longer has stays as long as it is saved nowhere.
  for (const m of old.values()) if (unsaved(m)) files.push({ ...m, state: "new", saved: null });
  return { files: files.sort((a, b) => order(a.name, b.name)), clashes };
}

/** A new commit came under files that are changed here: which of them it changed as well. */
export function clashesOf(
  files: WorkFile[],
  before: Map<string, string>,
  after: Map<string, string>,
): Clash[] {
  const out: Clash[] = [];
  for (const f of files) {
    const [was, is] = [before.get(f.name), after.get(f.name)];
    const mine = f.state === "deleted" ? undefined : f.text;
    if (mine === was || mine === is || was === is) continue;
    if (f.state === "deleted") continue; // the deletion shows in the list
    out.push({ name: f.name, theirs: is ?? null });
  }
  return out;
}

/** The two tasks stand first, the rest by name. */
export function order(a: string, b: string): number {
  const rank = (n: string) => (n === "worker_task.py" ? 0 : n === "management_task.py" ? 1 : 2);
  return rank(a) - rank(b) || a.localeCompare(b);
}

/** Every file as the next commit would have it. */
export const texts = (files: WorkFile[]): Record<string, string> =>
  Object.fromEntries(files.filter((f) => f.state !== "deleted").map((f) => [f.name, f.text]));

export interface Span {
  from: number;
  to: number;
}
/** Where a problem stands in its text: from its column to the end of that word, or its whole line. */
export function spanOf(text: string, p: Pick<Problem, "line" | "column">): Span {
  const lines = text.split("\n");
  const n = Math.min(Math.max(p.line, 1), lines.length) - 1;
  let start = 0;
  for (let i = 0; i < n; i++) start += lines[i]!.length + 1;
  const line = lines[n] ?? "";
  if (p.line < 1) return { from: 0, to: line.length };
  if (p.column < 1) {
    const indent = /^\s*/.exec(line)![0].length;
    return { from: start + (indent < line.length ? indent : 0), to: start + line.length };
  }
  const at = Math.min(p.column - 1, line.length);
  const word = /^[A-Za-z0-9_]+/.exec(line.slice(at))?.[0].length ?? 0;
  if (at >= line.length && line.length > 0) return { from: start + line.length - 1, to: start + line.length };
  return { from: start + at, to: start + Math.min(line.length, at + Math.max(word, 1)) };
}

/** Errors before warnings, then by file and line. */
export const sorted = (list: Problem[]): Problem[] =>
  list.toSorted(
    (a, b) =>
      Number(a.severity === "warning") - Number(b.severity === "warning") ||
      order(a.file, b.file) ||
      a.line - b.line,
  );

/** What differs between two sets of files. */
export interface Difference {
  name: string;
  state: FileState;
  before: string;
  after: string;
}
export function compare(before: Map<string, string>, after: Map<string, string>): Difference[] {
  const all = [...new Set([...before.keys(), ...after.keys()])].sort(order);
  return all
    .map((name): Difference => {
      const [b, a] = [before.get(name), after.get(name)];
      const state = b === undefined ? "new" : a === undefined ? "deleted" : a === b ? "same" : "changed";
      return { name, state, before: b ?? "", after: a ?? "" };
    })
    .filter((d) => d.state !== "same");
}

/** Lines that devices get before a file of ours: their tracebacks count them. */
const ahead: Record<string, number> = { "worker_task.py": 6, "management_task.py": 1 };
export interface Piece {
  text: string;
  /** Where in our files this names a line. */
  file?: string;
  line?: number;
}
/** A traceback in pieces, with the lines of our own files found again. */
export function places(trace: string, names: string[]): Piece[] {
  const out: Piece[] = [];
  let done = 0;
  for (const m of trace.matchAll(/File "([^"]*?)([\w.-]+\.py)", line (\d+)/g)) {
    const file = m[2]!;
    const line = Number(m[3]) - (ahead[file] ?? 0);
    if (!names.includes(file) || line < 1) continue;
    if (m.index > done) out.push({ text: trace.slice(done, m.index) });
    out.push({ text: `${file}, line ${line}`, file, line });
    done = m.index + m[0].length;
  }
  if (done < trace.length) out.push({ text: trace.slice(done) });
  return out;
}
