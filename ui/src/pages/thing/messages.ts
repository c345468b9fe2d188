// One time line out of what comes from the worker task and what goes to the app. No I/O.
import type { Command } from "../../lib/api";
import { exact } from "../../lib/format";
import type { WorkerMessage } from "../../lib/software";

export interface Entry {
  key: string;
  at: number;
  /** Of a worker message. */
  value?: unknown;
  command?: Command;
}
export type Which = "all" | "in" | "out";

export const isOpen = (c: Command): boolean => c.state === "queued" || c.state === "sent";

/** A value as one reads it: texts bare, the rest as JSON. */
export const jsonText = (v: unknown): string =>
  typeof v === "string" ? v : v === null || v === undefined ? "" : JSON.stringify(v);

/** Newest first. Nothing older than the oldest worker message that is loaded while there are older ones. */
export function timeline(
  messages: WorkerMessage[],
  commands: Command[],
  which: Which,
  words: string,
  more: boolean,
): Entry[] {
  const out: Entry[] = [];
  const oldest = which === "all" && more ? (messages.at(-1)?.at ?? 0) : 0;
  if (which !== "out") for (const m of messages) out.push({ key: "m" + m.id, at: m.at, value: m.value });
  if (which !== "in")
    for (const c of commands)
      if (c.created >= oldest || isOpen(c)) out.push({ key: "c" + c.id, at: c.created, command: c });
  const seek = words.trim().toLowerCase();
  const found = seek ? out.filter((e) => hay(e).includes(seek)) : out;
  return found.sort((a, b) => b.at - a.at);
}
const hay = (e: Entry): string => {
  const c = e.command;
  const parts = c ? [c.state, jsonText(c.value), jsonText(c.result), c.error, c.by] : [jsonText(e.value)];
  return parts.join("\n").toLowerCase();
};

/** When what happened to a command, one line each. */
export const times = (c: Command): string =>
  [
    `queued ${exact(c.created)}`,
    c.sent ? `sent ${exact(c.sent)}` : "",
    c.ended ? `${c.state} ${exact(c.ended)}` : "",
    isOpen(c) && c.expires ? `expires ${exact(c.expires)}` : "",
  ]
    .filter(Boolean)
    .join("\n");
