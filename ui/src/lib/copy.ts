import { toasts } from "./toasts.svelte";

/** Copies a text; `near` is an element beside which a helper may stand (inside an open dialog all else is inert). */
export async function copy(text: string, near: Element = document.body): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (copyTheOldWay(text, near)) return true;
  }
  toasts.fail("The browser does not allow copying here. Select the text instead.");
  return false;
}

// Over plain http the clipboard API is missing, except on localhost.
function copyTheOldWay(text: string, near: Element): boolean {
  const focused = document.activeElement as HTMLElement | null;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  near.append(area);
  area.select();
  const ok = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return ok;
}
