// The code editor: one view, and a state for every file, so that undo and place stay with the file.
import { autocompletion, snippet, type Completion, type CompletionContext } from "@codemirror/autocomplete";
import { indentWithTab } from "@codemirror/commands";
import { python, pythonLanguage } from "@codemirror/lang-python";
import { indentUnit } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { search } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { basicSetup } from "codemirror";
import { spanOf } from "../../../lib/app-files";
import type { Problem } from "../../../lib/apps";
import { offers, type Offer } from "./complete";
import { theme } from "./theme";

export interface Told {
  edited: (name: string, text: string) => void;
  save: () => void;
}
const locked = new Compartment();
const lock = (on: boolean, label: string): Extension => [
  EditorState.readOnly.of(on),
  EditorView.editable.of(!on),
  EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
];

export class Editor {
  readonly #view: EditorView;
  readonly #told: Told;
  readonly #states: Map<string, unknown>;
  #name = "";
  #lock = "";

  /** Styles go into the root of `box` (the page's policy forbids style elements), states into `states`. */
  constructor(box: ShadowRoot, states: Map<string, unknown>, told: Told) {
    this.#told = told;
    this.#states = states;
    const parent = document.createElement("div");
    parent.style.height = "100%";
    box.append(parent);
    this.#view = new EditorView({ parent, root: box, state: EditorState.create() });
  }
  destroy(): void {
    this.#keep();
    this.#view.destroy();
  }
  #keep(): void {
    if (this.#name) this.#states.set(this.#name, this.#view.state);
  }

  /** Shows a file with this text; what was shown before keeps its state. */
  open(name: string, text: string, readonly: boolean, label: string): void {
    if (name !== this.#name) {
      this.#keep();
      this.#name = name;
      const kept = this.#states.get(name);
      this.#view.setState(kept instanceof EditorState ? kept : this.#state(name, text));
    }
    this.replace(text);
    const wanted = `${name}\n${readonly}\n${label}`;
    if (wanted === this.#lock) return;
    this.#lock = wanted;
    this.#view.dispatch({ effects: locked.reconfigure(lock(readonly, label)) });
  }
  /** Takes another text, as one step that can be undone. */
  replace(text: string): void {
    const doc = this.#view.state.doc;
    if (doc.toString() === text) return;
    this.#view.dispatch({ changes: smallest(doc.toString(), text) });
  }
  problems(list: Problem[]): void {
    const text = this.#view.state.doc.toString();
    const marks = list.map((p): Diagnostic => ({
      ...spanOf(text, p),
      severity: p.severity,
      message: p.text,
    }));
    this.#view.dispatch(setDiagnostics(this.#view.state, marks));
  }
  reveal(line: number, column: number): void {
    const { from } = spanOf(this.#view.state.doc.toString(), { line, column });
    this.#view.dispatch({
      selection: { anchor: from },
      effects: EditorView.scrollIntoView(from, { y: "center" }),
    });
    this.focus();
  }
  focus(): void {
    this.#view.focus();
  }

  #state(name: string, doc: string): EditorState {
    return EditorState.create({
      doc,
      extensions: [
        // Before the others, so that Ctrl-S never reaches the browser.
        keymap.of([{ key: "Mod-s", preventDefault: true, run: () => (this.#told.save(), true) }]),
        basicSetup,
        keymap.of([indentWithTab]),
        name.endsWith(".py") ? [python(), completion(name)] : [],
        indentUnit.of("    "),
        EditorState.tabSize.of(4),
        lintGutter(),
        search({ top: true }),
        EditorState.phrases.of(phrases),
        theme,
        locked.of([]),
        EditorView.updateListener.of((u) => {
          if (u.docChanged) this.#told.edited(name, u.state.doc.toString());
        }),
      ],
    });
  }
}

/** Words of the search box as the rest of the page has them. */
const phrases = {
  next: "Next",
  previous: "Previous",
  all: "All",
  "match case": "Match case",
  regexp: "Regex",
  "by word": "Words",
  replace: "Replace",
  "replace all": "Replace all",
};

/** The change from one text to another without their common ends. */
export function smallest(before: string, after: string): { from: number; to: number; insert: string } {
  let from = 0;
  const most = Math.min(before.length, after.length);
  while (from < most && before[from] === after[from]) from++;
  let end = 0;
  while (end < most - from && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}

const types: Partial<Record<Offer["kind"], string>> = { variable: "variable", namespace: "namespace" };

function completion(name: string): Extension {
  const source = (context: CompletionContext) => {
    const line = context.state.doc.lineAt(context.pos);
    const found = offers(line.text.slice(0, context.pos - line.from), context.state.doc.toString(), name);
    if (!found || (found.typed === 0 && !context.explicit && !/[.\s]$/.test(line.text))) return null;
    const options = found.list.map((o): Completion => ({
      label: o.name,
      type: types[o.kind] ?? o.kind,
      info: o.info,
      boost: 2,
      ...(o.detail ? { detail: o.detail } : {}),
      ...(o.snippet ? { apply: snippet(o.snippet) } : {}),
    }));
    return { from: context.pos - found.typed, options, validFor: /^\w*$/ };
  };
  return [pythonLanguage.data.of({ autocomplete: source }), autocompletion({ icons: false })];
}
