import type { Resource } from "../lib/api";
import type { LiveThing } from "../lib/thing.svelte";

export interface WidgetProps {
  thing: LiveThing;
  resource: Resource;
  /** This person's role allows commands. */
  mayAct: boolean;
}
