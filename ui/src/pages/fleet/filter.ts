import type { LiveThing } from "../../lib/thing.svelte";

export type Look = "table" | "cards" | "map";

export interface Filter {
  text: string;
  show: "" | "online" | "offline" | "ignored";
  protocol: string;
  tag: string;
  gateway: string;
  sort: "name" | "heard";
}

export function readFilter(query: string): Filter {
  const q = new URLSearchParams(query);
  const show = q.get("show") ?? "";
  return {
    text: q.get("q") ?? "",
    show: ["online", "offline", "ignored"].includes(show) ? (show as Filter["show"]) : "",
    protocol: q.get("protocol") ?? "",
    tag: q.get("tag") ?? "",
    gateway: q.get("gateway") ?? "",
    sort: q.get("sort") === "heard" ? "heard" : "name",
  };
}

export function writeFilter(f: Filter): string {
  const q = new URLSearchParams();
  if (f.text) q.set("q", f.text);
  if (f.show) q.set("show", f.show);
  if (f.protocol) q.set("protocol", f.protocol);
  if (f.tag) q.set("tag", f.tag);
  if (f.gateway) q.set("gateway", f.gateway);
  if (f.sort !== "name") q.set("sort", f.sort);
  const s = q.toString();
  return s ? "?" + s : "";
}

/** `all` comes sorted by name; the waiting ones stand elsewhere. */
export function filterThings(all: LiveThing[], f: Filter): LiveThing[] {
  const words = f.text.toLowerCase().split(/\s+/).filter(Boolean);
  const out = all.filter((t) => {
    const i = t.info;
    if (i.state === "waiting") return false;
    if ((f.show === "ignored") !== (i.state === "ignored")) return false;
    if (f.show === "online" && !i.online) return false;
    if (f.show === "offline" && i.online) return false;
    if (f.protocol && i.protocol !== f.protocol) return false;
    if (f.tag && !i.tags.includes(f.tag)) return false;
    if (f.gateway && i.gateway !== f.gateway) return false;
    return words.every((w) => t.hay.includes(w));
  });
  if (f.sort === "heard") out.sort((a, b) => b.info.last_heard - a.info.last_heard);
  return out;
}
