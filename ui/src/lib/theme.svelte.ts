import { recall, remember } from "./prefs";

export type Theme = "system" | "light" | "dark";
const dark = matchMedia("(prefers-color-scheme: dark)");

class ThemeChoice {
  chosen = $state<Theme>((recall("theme") as Theme | null) ?? "system");
  /** Goes up with every change of what is seen: canvases draw anew. */
  version = $state(0);

  constructor() {
    dark.addEventListener("change", () => this.#apply());
    this.#apply();
  }
  choose(t: Theme): void {
    this.chosen = t;
    remember("theme", t === "system" ? null : t);
    this.#apply();
  }
  next(): void {
    this.choose(this.chosen === "system" ? "light" : this.chosen === "light" ? "dark" : "system");
  }
  #apply(): void {
    const isDark = this.chosen === "dark" || (this.chosen === "system" && dark.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    this.version++;
  }
}
export const theme = new ThemeChoice();

/** The present value of a token, for canvases. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
