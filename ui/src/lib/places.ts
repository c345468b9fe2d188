// Where things are, for maps.
import type { LiveThing } from "./thing.svelte";
import { parsePosition } from "./value";
import { chosenWidget } from "../widgets/choose";

export interface Place {
  id: string;
  name: string;
  online: boolean;
  lat: number;
  lng: number;
  /** Without a name beside it: there is only one. */
  alone?: boolean;
}

export const placeOf = (t: LiveThing, p: { lat: number; lng: number }): Place => ({
  id: t.id,
  name: t.info.name,
  online: t.info.online,
  ...p,
});

/** Every thing that tells a position, by the first of its resources that does. */
export function placesOf(things: LiveThing[]): Place[] {
  const out: Place[] = [];
  for (const t of things)
    for (const r of t.resources.values()) {
      if (r.name !== "position" && chosenWidget(t.info, r) !== "position") continue;
      const p = parsePosition(r.value);
      if (!p) continue;
      out.push(placeOf(t, p));
      break;
    }
  return out;
}

/** Lines of a grid over a map: about as many degrees apart as look well at that zoom. */
export function gridStep(zoom: number): number {
  const steps = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002];
  const perTile = 360 / 2 ** zoom;
  return steps.find((s) => s <= perTile / 1.6) ?? 0.0001;
}

/** A degree on a grid line, with the digits that its step has. */
export function gridLabel(v: number, step: number, plus: string, minus: string): string {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return `${Math.abs(v).toFixed(digits)}°${Math.abs(v) < step / 2 ? "" : v < 0 ? minus : plus}`;
}
