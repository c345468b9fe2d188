// What settings and commits of an app mean for its things, in words.
import type { Commit, Pool, PoolKind, Problem, SourceFile, Tag } from "./apps";
import { count } from "./format";
import type { Settings } from "./software";

export const kindWords: Record<PoolKind, string> = {
  development: "Follows every commit.",
  staging: "Follows the newest tagged commit.",
  production: "Follows the newest tagged commit.",
};

/** Pools that the next commit goes to by itself. */
export const followers = (pools: Pool[]): Pool[] =>
  pools.filter((p) => p.kind === "development" && p.settings.app === "latest");

const names = (pools: { name: string }[]): string => {
  const all = pools.map((p) => p.name);
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
};

/** To whom a commit would go: "3 things in development get it". */
export function shipsTo(pools: Pool[]): string {
  const to = followers(pools);
  if (to.length === 0) return "No pool follows the newest commit: tag it to ship it.";
  const things = to.reduce((n, p) => n + p.things, 0);
  const tell = to.filter((p) => p.things > 0);
  if (things === 0) return `${names(to)} follow${to.length === 1 ? "s" : ""} it, with no thing yet.`;
  return `${count(things, "thing")} in ${names(tell)} get${things === 1 ? "s" : ""} it.`;
}

/** What became of a commit. */
export function shipped(ships: { pool: string; things: number }[]): string {
  const to = ships.filter((s) => s.things > 0);
  if (to.length === 0) return "Committed";
  const things = to.reduce((n, s) => n + s.things, 0);
  return `Committed: ${count(things, "thing")} in ${names(to.map((s) => ({ name: s.pool })))} fetch${things === 1 ? "es" : ""} it`;
}

export const seconds = (s: number): string =>
  s < 120
    ? `${s}\u00a0s`
    : s % 3600 === 0
      ? `${s / 3600}\u00a0h`
      : s % 60 === 0
        ? `${s / 60}\u00a0min`
        : `${s}\u00a0s`;

/** What differs, or null. */
export function changesOf(from: Settings, to: Settings): Partial<Settings> | null {
  const changed = (Object.keys(to) as (keyof Settings)[]).filter((k) => to[k] !== from[k]);
  return changed.length > 0 ? Object.fromEntries(changed.map((k) => [k, to[k]])) : null;
}

/** Why settings cannot be saved; "" if they can. */
export function settingsTrouble(s: Settings): string {
  const whole = (n: number, least: number) => Number.isInteger(n) && n >= least;
  if (!whole(s.worker, 1)) return "The worker interval is whole seconds, at least 1.";
  if (!whole(s.management, 1)) return "The management interval is whole seconds, at least 1.";
  if (!whole(s.setupTimeout, 0)) return "The web set-up time is whole seconds.";
  if (s.backend && !/^(?!\w+:\/\/)[A-Za-z0-9.[\]:-]+(\/\S*)?$/.test(s.backend))
    return "A server is host, host:port or host/prefix, without http://.";
  return "";
}

/** What saving these settings does to the things of the pool; `commit` is what they would mean. */
export function consequence(pool: Pool, next: Settings, commit: string, kind = pool.kind): string {
  const changes = changesOf(pool.settings, next);
  if (!changes && kind === pool.kind) return "";
  const code = commit !== pool.commit;
  const rest = Object.keys(changes ?? {}).some((k) => k !== "app");
  if (pool.things === 0) return "No thing is in this pool: nothing reboots.";
  if (!code && !rest) return "Things keep the code they have: nothing reboots.";
  const one = pool.things === 1;
  const does = `reboots ${count(pool.things, "thing")}${code ? ` and brings ${one ? "it" : "them"} other code` : ""}`;
  const when = `within ${seconds(pool.settings.management)} if online`;
  return `Saving ${does}: ${one ? "it hears" : "each hears"} of it at its next call, ${when}.`;
}

/** The commit that a choice of app version means for a kind of pool. */
export function resolve(choice: string, kind: PoolKind, commits: Commit[], tags: Tag[]): string {
  if (choice === "latest")
    return (kind === "development" ? commits[0] : commits.find((c) => c.tags.length > 0))?.id ?? "";
  return tags.find((t) => t.name === choice)?.commit ?? choice;
}

/** A commit as people name it: its tag, or the end of its id with its message. */
export function commitName(id: string, commits: Commit[]): string {
  const c = commits.find((x) => x.id === id);
  if (!c) return id && id !== "0" ? id : "none";
  const said = c.message.split("\n")[0] ?? "";
  return c.tags[0] ? `${c.tags[0]} (${id})` : said ? `${id} – ${said}` : id;
}

/** What the drafts amount to: "2 files changed, 1 new". */
export function draftWords(files: Pick<SourceFile, "state">[]): string {
  const n = (s: string) => files.filter((f) => f.state === s).length;
  const parts: string[] = [];
  if (n("changed")) parts.push(`${count(n("changed"), "file")} changed`);
  if (n("new")) parts.push(`${n("new")}\u00a0new`);
  if (n("deleted")) parts.push(`${n("deleted")}\u00a0deleted`);
  return parts.join(", ");
}

/** What is wrong with a file's name; "" if nothing is. */
export function nameTrouble(name: string, taken: string[]): string {
  if (!name) return "Give it a name.";
  if (name.length > 64) return "A name has at most 64 characters.";
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) return "Letters, digits, dots, dashes and underscores only.";
  if (!/^[A-Za-z_]/.test(name)) return "It begins with a letter or an underscore.";
  if (name.includes("..")) return "Not two dots in a row.";
  if (name === "boot.py") return "boot.py belongs to the device.";
  if (taken.includes(name)) return `There is a ${name} already.`;
  return "";
}

/** Files that PythingsOS 1.x fetches; others stay here for devices that can do more. */
export const runs = (name: string): boolean => name === "worker_task.py" || name === "management_task.py";

/** Whom a tag moves: "2 things in staging follow the newest tagged commit." */
export function taggedFollowers(pools: Pool[]): string {
  const to = pools.filter((p) => p.kind !== "development" && p.settings.app === "latest" && p.things > 0);
  if (to.length === 0) return "";
  const things = to.reduce((n, p) => n + p.things, 0);
  return `${count(things, "thing")} in ${names(to)} follow${things === 1 ? "s" : ""} the newest tagged commit.`;
}

/** Why a commit was refused: its first problem, with the line in the text. */
export function refusal(p: Problem, more: number): string {
  const where = p.line ? `${p.file}, line ${p.line}` : p.file;
  const rest = more > 0 ? ` And ${count(more, "more problem")}.` : "";
  return `Not committed. ${where}: ${p.text.replace(/\.$/, "")}.${rest}`;
}
