// What a person can do to things from more than one page.
import { api, reason, type Command, type SimulatedKind } from "./api";
import { boards } from "./boards";
import { fleet } from "./fleet.svelte";
import { count } from "./format";
import { choice, letIn } from "./joins.svelte";
import { ended, type LiveThing } from "./thing.svelte";
import { toasts } from "./toasts.svelte";

export async function approve(t: LiveThing): Promise<void> {
  try {
    if (await letIn(t)) toasts.say(`${t.info.name} is one of yours`);
    else await choice.ask(t);
  } catch (err) {
    toasts.fail(reason(err));
  }
}

export async function ignore(t: LiveThing): Promise<void> {
  try {
    fleet.put(await api.ignore(t.id));
    toasts.say(`${t.info.name} is ignored. Find it with the filter “Ignored”.`);
  } catch (err) {
    toasts.fail(reason(err));
  }
}

/** Runs one act for each, four at a time; says how many went and why the first did not. Of an act that gives false
 * more tells. */
export async function each(
  list: LiveThing[],
  act: (t: LiveThing) => Promise<void | boolean>,
  done: string,
  more = () => "",
): Promise<void> {
  let went = 0;
  let trouble = "";
  const rest = [...list];
  const worker = async () => {
    for (let t = rest.shift(); t; t = rest.shift()) {
      try {
        if ((await act(t)) !== false) went++;
      } catch (err) {
        trouble ||= reason(err);
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  if (trouble || more()) toasts.fail(`${went} of ${list.length} ${done}.${more()} ${trouble}`.trim());
  else toasts.say(`${count(went, "thing")} ${done}`);
}

/** Approves all of list but those of which a person has to name the key; says which are left. */
export async function approveMany(list: LiveThing[]): Promise<void> {
  const left: string[] = [];
  const why = () => {
    if (left.length === 0) return "";
    const names = left.slice(0, 3).join(", ") + (left.length > 3 ? ", …" : "");
    return ` ${left.length} skipped, with several keys asked for in their name. Approve them one by one: ${names}.`;
  };
  const act = async (t: LiveThing) => {
    if (await letIn(t)) return true;
    left.push(t.info.name);
    return false;
  };
  await each(list, act, "approved", why);
}
export const approveAll = (): Promise<void> =>
  approveMany(fleet.all.filter((t) => t.info.state === "waiting"));

export async function simulate(kind: SimulatedKind, app = ""): Promise<string> {
  try {
    const { id } = await api.simulate(kind, app);
    toasts.say("A simulated thing is starting");
    return id;
  } catch (err) {
    toasts.fail(reason(err));
    return "";
  }
}

/** Makes a thing show which one it is; a board of the board platform is asked by Roost itself. */
export async function identify(t: LiveThing): Promise<void> {
  const board = t.info.protocol === "board";
  try {
    if (board) await boards.identify(t.id);
    else await api.command(t.id, { kind: "identify" });
    toasts.say(board ? "It blinks" : "It blinks as soon as it hears of it");
  } catch (err) {
    toasts.fail(reason(err));
  }
}

/** Asks the thing to tell all its values anew. */
export async function refresh(t: LiveThing): Promise<void> {
  let told: Command | undefined;
  let id = "";
  const look = (c: Command) => {
    if (c.id !== id || !ended(c)) return;
    stop();
    if (c.state === "done") toasts.say(`${t.info.name} told its values`);
    else toasts.fail(c.error || `${t.info.name} did not answer.`);
  };
  const stop = fleet.live.on("command", (e) => {
    if (e.thing !== t.id || e.data.kind !== "refresh") return;
    told = e.data;
    look(e.data);
  });
  try {
    id = (await api.command(t.id, { kind: "refresh" })).id;
    if (told) look(told); // the event was faster
  } catch (err) {
    stop();
    toasts.fail(reason(err));
  }
}

export async function setTags(t: LiveThing, tags: string[]): Promise<void> {
  const before = t.info.tags;
  try {
    fleet.put(await api.patchThing(t.id, { tags }));
    toasts.say("Tags changed", { label: "Undo", run: () => void undoTags(t, before) });
  } catch (err) {
    toasts.fail(reason(err));
  }
}
async function undoTags(t: LiveThing, tags: string[]): Promise<void> {
  try {
    fleet.put(await api.patchThing(t.id, { tags }));
  } catch (err) {
    toasts.fail(reason(err));
  }
}

export async function rename(t: LiveThing, name: string): Promise<void> {
  const before = t.info.given_name ?? "";
  try {
    fleet.put(await api.patchThing(t.id, { name }));
    toasts.say("Renamed", {
      label: "Undo",
      run: () =>
        void api
          .patchThing(t.id, { name: before })
          .then((x) => fleet.put(x))
          .catch((e) => toasts.fail(reason(e))),
    });
  } catch (err) {
    toasts.fail(reason(err));
  }
}

/** Shows a resource another way for everybody; "" goes back to what the page thinks best. */
export async function showAs(t: LiveThing, resource: string, widget: string): Promise<void> {
  const before = t.info;
  t.setInfo({ ...before, widgets: { ...before.widgets, [resource]: widget } });
  try {
    fleet.put(await api.patchThing(t.id, { widgets: { [resource]: widget } }));
  } catch (err) {
    t.setInfo(before);
    toasts.fail(reason(err));
  }
}
