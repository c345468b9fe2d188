// What to offer at a place in the code. Pure: text in, offers out.
import { classes, methods, modules, pieces, type Entry } from "./contract";

export interface Offer extends Entry {
  /** A piece with places to type, instead of the bare name. */
  snippet?: string;
}
export interface Offers {
  /** How many characters before the cursor are replaced. */
  typed: number;
  list: Offer[];
}

/** Offers for a cursor after `before` (its line up to there) in a text of that file. */
export function offers(before: string, text: string, file: string): Offers | null {
  if (inTextOrComment(before)) return null;
  const dotted = /([A-Za-z_][\w.]*)\.(\w*)$/.exec(before);
  if (dotted) {
    const list = members(dotted[1]!, text);
    return list.length > 0 ? { typed: dotted[2]!.length, list } : null;
  }
  const from = /^\s*from\s+(\w+)\s+import\s+(?:[\w\s]+,\s*)*(\w*)$/.exec(before);
  if (from) {
    const list = modules[from[1]!]?.members ?? [];
    return list.length > 0 ? { typed: from[2]!.length, list } : null;
  }
  const bring = /^\s*(?:import|from)\s+(\w*)$/.exec(before);
  if (bring) return { typed: bring[1]!.length, list: importable() };
  const def = /^\s+def\s+(\w*)$/.exec(before);
  if (def) {
    const m = methods[file];
    if (!m) return null;
    return {
      typed: def[1]!.length,
      list: [{ name: "call", kind: "method", detail: m.detail, info: m.info, snippet: m.text }],
    };
  }
  const cls = /^(class\s+)?([A-Za-z]\w*)$/.exec(before);
  if (!cls) return null;
  const list = pieces
    .filter((p) => (!p.file || p.file === file) && !new RegExp(`class\\s+${p.name}\\b`).test(text))
    .map((p): Offer => ({ name: p.name, kind: "class", detail: p.detail, info: p.info, snippet: p.text }));
  return list.length > 0 ? { typed: cls[0].length, list } : null;
}

function importable(): Offer[] {
  return Object.entries(modules)
    .filter(([name]) => !name.includes("."))
    .map(([name, m]) => ({ name, kind: "namespace", info: m.info }));
}

/** Members of what stands before the dot: a module, a class, or a variable that was made from a class. */
function members(path: string, text: string): Offer[] {
  const known = modules[path];
  if (known) return known.members;
  const last = path.split(".").at(-1)!;
  if (classes[last] && /^(\w+\.)?[A-Z]/.test(path)) return classes[last];
  const made = new RegExp(
    `(?:^|[^\\w.])${path.replaceAll(".", "\\.")}\\s*=\\s*(?:\\w+\\.)*([A-Z]\\w*)\\(`,
    "m",
  );
  const name = made.exec(text)?.[1];
  const alias = new RegExp(`import\\s+(\\w+)\\s+as\\s+${last}\\b`).exec(text)?.[1];
  return (name ? classes[name] : undefined) ?? (alias ? modules[alias]?.members : undefined) ?? [];
}

/** Whether the end of a line so far is inside a string or a comment. */
function inTextOrComment(line: string): boolean {
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const ch = line[i]!;
    if (quote) {
      if (ch === "\\") i++;
      else if (ch === quote) quote = "";
    } else if (ch === "#") return true;
    else if (ch === '"' || ch === "'") quote = ch;
  }
  return quote !== "";
}
