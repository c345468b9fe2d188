// What a row and a card of the fleet are given, and what they show of their thing.
import type { Resource } from "../../lib/api";
import type { LiveThing } from "../../lib/thing.svelte";
import { rowSwitch, rowValues, rowWords } from "../../widgets/choose";

export interface RowProps {
  thing: LiveThing;
  /** Its place in the list. */
  index: number;
  mayAct: boolean;
  /** Whether it can be selected. */
  mayPick: boolean;
  selected: boolean;
  onselect: (on: boolean) => void;
}

export interface Shown {
  values: Resource[];
  /** What it has when none of it is a value; else empty. */
  words: string;
  control: Resource | undefined;
}

export function shownOf(thing: LiveThing): Shown {
  const all = [...thing.resources.values()];
  const values = rowValues(all);
  return { values, words: values.length === 0 ? rowWords(all) : "", control: rowSwitch(all) };
}
