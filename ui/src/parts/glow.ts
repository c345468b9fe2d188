// A changed value glows once. One that changes all the time stays calm.
const quiet = 1500; // ms without change before a change is worth a glow

const still = matchMedia("(prefers-reduced-motion: reduce)");

export function glow(node: HTMLElement, value: unknown) {
  let last = value;
  let changed = 0;
  return {
    update(next: unknown) {
      if (next === last) return;
      last = next;
      const now = performance.now();
      if (now - changed > quiet && !still.matches && !document.hidden) {
        node.animate(
          { backgroundColor: ["var(--glow)", "transparent"] },
          { duration: 900, easing: "ease-out" },
        );
      }
      changed = now;
    },
  };
}
