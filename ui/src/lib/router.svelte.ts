// Paths to pages on the history API; links are plain <a href>.
class Router {
  path = $state(location.pathname);
  query = $state(location.search);
  /** Asked before the page is left; false keeps it, and `go` leaves all the same. */
  hold: ((to: string, go: () => void) => boolean) | null = null;

  constructor() {
    addEventListener("popstate", () => this.#moved());
    document.addEventListener("click", (e) => this.#click(e));
  }

  go(to: string, how: { replace?: boolean; keepScroll?: boolean } = {}): void {
    if (this.hold && !this.hold(to, () => this.#free(() => this.go(to, how)))) return;
    if (to !== location.pathname + location.search + location.hash) {
      if (how.replace) history.replaceState(null, "", to);
      else history.pushState(null, "", to);
    }
    this.#read();
    if (!how.keepScroll) scrollTo(0, 0);
  }

  #moved(): void {
    const to = location.pathname + location.search + location.hash;
    if (this.hold && !this.hold(to, () => this.#free(() => this.go(to)))) {
      history.pushState(null, "", this.path + this.query); // back to where the reader is
      return;
    }
    this.#read();
  }
  #free(act: () => void): void {
    this.hold = null;
    act();
  }

  #read(): void {
    this.path = location.pathname;
    this.query = location.search;
  }

  #click(e: MouseEvent): void {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element | null)?.closest?.("a");
    if (!a || a.target || a.hasAttribute("download") || a.origin !== location.origin) return;
    if (a.dataset.server !== undefined) return; // a page the server itself draws
    e.preventDefault();
    this.go(a.pathname + a.search + a.hash, { keepScroll: a.dataset.keepScroll !== undefined });
  }
}
export const router = new Router();

/** The parts of "/things/:id/:tab" in a path, or null. A missing last part is "". */
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/").filter(Boolean);
  const have = path.split("/").filter(Boolean);
  if (have.length > want.length) return null;
  const out: Record<string, string> = {};
  for (const [i, w] of want.entries()) {
    const h = have[i];
    if (w.startsWith(":")) {
      if (h === undefined && !w.endsWith("?")) return null;
      try {
        out[w.replace(/^:|\?$/g, "")] = decodeURIComponent(h ?? "");
      } catch {
        return null;
      }
    } else if (w !== h) return null;
  }
  return out;
}

export const appPath = (id: string, tab = "", query = ""): string =>
  `/apps/${encodeURIComponent(id)}${tab ? "/" + tab : ""}${query}`;
export const thingPath = (id: string, tab = ""): string =>
  `/things/${encodeURIComponent(id).replaceAll(".", "%2E")}${tab ? "/" + tab : ""}`;
