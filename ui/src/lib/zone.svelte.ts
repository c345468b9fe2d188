// The time zone that a person chose for shown times: kept on this device, so that the first page has it, and on the server.
import { setTimeZone } from "./format";
import { recall, remember } from "./prefs";
import { account } from "./software";

class Zone {
  /** "" is the zone of the browser. */
  now = $state(recall("zone") ?? "");
  constructor() {
    if (!setTimeZone(this.now)) this.now = "";
  }
  choose(zone: string): void {
    if (!setTimeZone(zone)) return;
    remember("zone", zone || null);
    this.now = zone;
  }
  /** Another device may have changed it. */
  async load(): Promise<void> {
    try {
      this.choose((await account.get()).timeZone ?? "");
    } catch {
      // A nicety: without it the last known zone stays.
    }
  }
}
export const zone = new Zone();

/** The zones that this browser knows. */
export function zones(): string[] {
  try {
    return Intl.supportedValuesOf("timeZone");
  } catch {
    return ["UTC"];
  }
}
export const browserZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;
