export interface Crumb {
  word: string;
  to?: string;
}

class Crumbs {
  list = $state.raw<Crumb[]>([]);
  title = $derived(
    this.list
      .map((c) => c.word)
      .reverse()
      .join(" · "),
  );
}
/** Where the reader is; each page sets it. */
export const crumbs = new Crumbs();
