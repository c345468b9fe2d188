// What is going on with the software of a thing, in words. No I/O.
import { clock as clockWords } from "./format";
import type { PartName, SettingName, Settings, Software, Status } from "./software";

export const partWords: Record<PartName, string> = {
  pythings: "PythingsOS",
  worker: "Worker task",
  management: "Management task",
};

/** "ValueError" and the rest of a fault text, its traceback apart. */
export interface Fault {
  name: string;
  text: string;
  traceback: string;
}
/** Devices send "KO: ValueError boom (Traceback …)"; other texts stay whole. */
export function fault(text: string): Fault {
  const rest = text.replace(/^KO:?\s*/i, "").trim();
  const cut = rest.search(/\(?Traceback \(most recent call last\)/);
  const head = (cut < 0 ? rest : rest.slice(0, cut)).trim().replace(/[(,;]+$/, "");
  let traceback = cut < 0 ? "" : rest.slice(cut).trim();
  if (traceback.startsWith("(")) traceback = traceback.replace(/^\(/, "").replace(/\)$/, "");
  if (!traceback && head.includes("\n")) return { name: "", text: head.split("\n").at(-1)!, traceback: head };
  const m = /^([A-Za-z_][\w.]*)(?::|\s)\s*([\s\S]*)$/.exec(head);
  if (m && /(Error|Exception|Interrupt|Exit|Warning)$/.test(m[1]!))
    return { name: m[1]!, text: m[2]!.trim(), traceback };
  const alone = /^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)$/.test(head);
  return { name: alone ? head : "", text: alone ? "" : head, traceback };
}

/** "OK: settings updated" without its first word. */
export function okText(text: string): string {
  const t = text.replace(/^OK\b[:,]?\s*/i, "").trim();
  return t ? t[0]!.toUpperCase() + t.slice(1) : "";
}

/** Part of the whole state: ember for a fault, moss for OK, "" while nothing was said. */
export const colourOf = (s: Status): "moss" | "ember" | "" => (!s.known ? "" : s.ok ? "moss" : "ember");

/** When the thing asks next for messages, Unix ms; 0 when nobody knows. */
export function nextCall(s: Software | null, now: number): number {
  const every = (s?.wanted.management ?? 0) * 1000;
  const last = s?.session?.lastContact ?? 0;
  if (!every || !last || s?.session?.ended) return 0;
  const next = last + every;
  // One call missed may be late; more means that it is silent.
  if (now > next + every + 60_000) return 0;
  return next < now ? now : next;
}

/** "every 60 s", "every 5 min". */
export function every(seconds: number): string {
  if (seconds < 120 || seconds % 60) return `every ${seconds}\u00a0s`;
  const min = seconds / 60;
  return min % 60 || min < 120 ? `every ${min}\u00a0min` : `every ${min / 60}\u00a0h`;
}

/** What a message or a shell line waits for, as a sentence. */
export function waitingFor(s: Software | null, online: boolean, now: number, ours = false): string {
  if (ours && !s?.wanted.battery)
    return online
      ? "The thing hears of it at once."
      : "The thing gets it when it is back; it is offline now.";
  if (!s) return "The thing fetches it at its next call.";
  const asks = `The thing asks ${every(s.wanted.management)}`;
  if (!online) return `${asks} when it runs; it is offline now.`;
  const next = nextCall(s, now);
  if (!next) return `${asks}; it should have called already.`;
  if (next - now < 1500) return `${asks}: any moment now.`;
  return `${asks}: next about ${clockWords(next)}.`;
}

const firstUpper = (t: string) => t[0]!.toUpperCase() + t.slice(1);

/** Whether everything runs that shall run, or what happens next: one sentence each. */
export function whatNext(s: Software, online: boolean, now: number): { done: boolean; lines: string[] } {
  const lines: string[] = [];
  const bare = s.app === null || s.app.hidden;
  if (bare && s.boundBy === "account") lines.push("It waits for an app: install one.");
  const when = online ? whenNext(s, now) : "when it is back";
  if (!bare && s.commit && s.version !== s.commit)
    lines.push(`${firstUpper(when)} it fetches commit ${s.commit} and starts again.`);
  const os = s.wanted.os;
  if (!["factory", "latest"].includes(os.toLowerCase()) && os !== s.os)
    lines.push(
      s.frozen
        ? `Its system is part of the firmware: ${os} cannot be sent to it. Flash the board to change it.`
        : `${firstUpper(when)} it fetches system ${os} and starts again.`,
    );
  if (lines.length === 0 && !s.upToDate) lines.push(`${firstUpper(when)} it takes its new settings over.`);
  return { done: lines.length === 0, lines };
}
function whenNext(s: Software, now: number): string {
  const next = nextCall(s, now);
  if (!next) return "when it calls again";
  return next - now < 1500
    ? "at its next call, any moment now,"
    : `at its next call, about ${clockWords(next)},`;
}

export interface SettingWords {
  name: SettingName;
  word: string;
  hint: string;
  /** The same for a thing of Roost's own runtime, where it differs. */
  ours?: string;
  kind: "seconds" | "yes" | "app" | "os" | "text";
  /** Put away on PythingsOS devices: known to the protocol, without effect on those of today. */
  idle?: boolean;
}
export const settingWords: SettingWords[] = [
  { name: "app", word: "Version of the app", hint: "What it shall run.", kind: "app" },
  {
    name: "os",
    word: "Version of the system",
    hint: "PythingsOS, or Roost’s runtime. Factory: what was installed on the device.",
    kind: "os",
  },
  { name: "worker", word: "Worker interval", hint: "How often its worker task runs.", kind: "seconds" },
  {
    name: "management",
    word: "Management interval",
    hint: "How often it asks for messages, settings and updates.",
    ours: "How often its management task runs; on a battery, how often it asks.",
    kind: "seconds",
  },
  {
    name: "tls",
    word: "TLS",
    hint: "Where its hardware can. Small boards without it stay as they are.",
    kind: "yes",
  },
  {
    name: "encrypt",
    word: "Payload encryption",
    hint: "The old scheme of PythingsOS, for boards without TLS. Weak: better than nothing, no more.",
    kind: "yes",
  },
  {
    name: "backend",
    word: "Server",
    hint: "Sends the thing to another server at its next start. Empty: here.",
    kind: "text",
  },
  {
    name: "battery",
    word: "Runs on battery",
    hint: "Told to the device; PythingsOS 1.x does nothing with it.",
    ours: "It asks at its management interval only, which saves power and makes commands wait.",
    kind: "yes",
    idle: true,
  },
  {
    name: "setupTimeout",
    word: "Web set-up time",
    hint: "Told to the device; PythingsOS 1.x goes by its own file of that name.",
    ours: "How long a board opens its own network when it is switched on; 0: not at all.",
    kind: "seconds",
    idle: true,
  },
];

/** A setting as people read it. */
export function settingValue(name: SettingName, s: Partial<Settings>): string {
  const v = s[name];
  if (v === undefined) return "";
  if (typeof v === "boolean") return v ? "on" : "off";
  if (name === "backend") return String(v) || "this one";
  if (name === "app" && v === "latest") return "latest";
  if (typeof v === "number") return `${v}\u00a0s`;
  return String(v);
}

/** Output of a shell line in parts: tracebacks stand out. */
export function splitOutput(text: string): { text: string; bad: boolean }[] {
  const at = text.search(/^Traceback \(most recent call last\):/m);
  if (at < 0) return text ? [{ text, bad: false }] : [];
  const out = [{ text: text.slice(at), bad: true }];
  if (at > 0) out.unshift({ text: text.slice(0, at), bad: false });
  return out;
}

/** JSON if it is JSON, else the text itself. */
export function messageValue(text: string, as: "json" | "text"): unknown {
  return as === "json" ? (JSON.parse(text) as unknown) : text;
}
/** What a person most likely means: braces, brackets, numbers, quotes and the three words are JSON. */
export function looksLikeJson(text: string): boolean {
  const t = text.trim();
  if (!/^([{["\d-]|(true|false|null)$)/.test(t)) return false;
  try {
    JSON.parse(t);
    return true;
  } catch {
    return false;
  }
}
