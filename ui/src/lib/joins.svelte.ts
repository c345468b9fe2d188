// Which of several keys is let in, of those that were asked for in the name of a thing that waits.
import { api, ApiError } from "./api";
import { fleet } from "./fleet.svelte";
import { runtime, type JoinedKey } from "./runtime";
import type { LiveThing } from "./thing.svelte";

/** Whether a thing joins by a key that people can compare. */
export const hasKey = (t: LiveThing): boolean => t.info.protocol === "Roost";

/** The keys that were asked for in the name of t, the oldest first, and the one that it has. */
export async function keysOf(t: LiveThing): Promise<{ key: string; joins: JoinedKey[] }> {
  const { key, joins } = await runtime.get(t.id);
  return { key, joins: (joins ?? []).toSorted((a, b) => a.at - b.at) };
}

class Choice {
  /** For which thing a person has to choose now, and of which keys. */
  now = $state.raw<{ thing: LiveThing; joins: JoinedKey[] } | null>(null);

  async ask(thing: LiveThing): Promise<void> {
    this.now = { thing, joins: (await keysOf(thing)).joins };
  }
  done(): void {
    this.now = null;
  }
}
export const choice = new Choice();

/** Approves t; false when several keys wait for it, of which a person has to name one. */
export async function letIn(t: LiveThing, key = ""): Promise<boolean> {
  try {
    fleet.put(await api.approve(t.id, key));
    return true;
  } catch (err) {
    if (!key && hasKey(t) && err instanceof ApiError && err.status === 409) return false;
    throw err;
  }
}
