export interface Toast {
  id: number;
  text: string;
  bad: boolean;
  act?: { label: string; run: () => void };
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  say(text: string, act?: Toast["act"]): void {
    this.#push({ id: this.#next++, text, bad: false, act }, act ? 8000 : 4000);
  }
  fail(text: string): void {
    this.#push({ id: this.#next++, text, bad: true }, 8000);
  }
  drop(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }
  #push(t: Toast, ms: number): void {
    this.list = [...this.list.slice(-2), t];
    setTimeout(() => this.drop(t.id), ms);
  }
}
export const toasts = new Toasts();
