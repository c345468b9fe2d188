// The look of code: only tokens, so that light and dark follow by themselves.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--ink)", font: "var(--code)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", fontVariantLigatures: "none" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--accent)" },
  ".cm-line": { padding: "0 16px 0 8px" },
  ".cm-cursor, .cm-dropCursor": { borderLeft: "2px solid var(--accent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--glow)",
  },
  ".cm-gutters": {
    backgroundColor: "var(--surface)",
    color: "var(--muted)",
    border: "0",
    fontVariantNumeric: "tabular-nums",
  },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 6px 0 10px", minWidth: "34px" },
  ".cm-foldGutter span": { color: "var(--line-strong)", cursor: "pointer" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--raised) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  "&.cm-focused .cm-matchingBracket, .cm-matchingBracket": {
    backgroundColor: "var(--accent-soft)",
    outline: "1px solid color-mix(in srgb, var(--accent) 45%, transparent)",
  },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--ember-soft)", color: "var(--ember)" },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
  ".cm-searchMatch": { backgroundColor: "var(--yolk-soft)", outline: "1px solid var(--yolk)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--glow)" },
  ".cm-foldPlaceholder": {
    padding: "0 6px",
    border: "1px solid var(--line)",
    backgroundColor: "var(--raised)",
    color: "var(--muted)",
  },
});

const panels = EditorView.theme({
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)", font: "var(--small)" },
  ".cm-panels.cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: "6px",
    padding: "8px 36px 8px 10px",
  },
  ".cm-panel.cm-search br": { flexBasis: "100%", content: '""' },
  ".cm-panel.cm-search input, .cm-panel.cm-search button, .cm-panel.cm-search label": {
    margin: "0",
    font: "var(--small)",
  },
  ".cm-panel.cm-search label": { display: "inline-flex", alignItems: "center", gap: "5px" },
  ".cm-panel.cm-search input[type=checkbox]": { accentColor: "var(--accent)" },
  ".cm-panel.cm-search [name=close]": {
    top: "8px",
    right: "8px",
    width: "24px",
    height: "24px",
    fontSize: "16px",
    color: "var(--muted)",
    cursor: "pointer",
  },
  ".cm-textfield": {
    height: "28px",
    minWidth: "140px",
    padding: "0 8px",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius)",
    backgroundColor: "var(--surface)",
    color: "var(--ink)",
  },
  ".cm-textfield:focus": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-button": {
    height: "28px",
    padding: "0 10px",
    border: "1px solid var(--line)",
    borderRadius: "var(--radius)",
    backgroundColor: "var(--surface)",
    backgroundImage: "none",
    color: "var(--ink)",
    cursor: "pointer",
  },
  ".cm-button:active": { backgroundImage: "none" },
  ".cm-button:focus-visible, button:focus-visible": {
    outline: "2px solid var(--accent)",
    outlineOffset: "1px",
  },
});

const floats = EditorView.theme({
  ".cm-tooltip": {
    border: "1px solid var(--line)",
    borderRadius: "var(--radius-card)",
    backgroundColor: "var(--surface)",
    color: "var(--ink)",
    boxShadow: "var(--shadow)",
  },
  ".cm-tooltip-lint, .cm-tooltip-hover": { overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    maxHeight: "min(240px, 40vh)",
    padding: "4px",
    fontFamily: "var(--mono)",
    fontSize: "12.5px",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": {
    padding: "3px 8px",
    borderRadius: "4px",
    lineHeight: "20px",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent-soft)",
    color: "var(--ink)",
  },
  ".cm-completionMatchedText": { color: "var(--accent)", textDecoration: "none", fontWeight: "600" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "10px" },
  ".cm-completionIcon": { width: "16px", color: "var(--muted)", opacity: "1" },
  ".cm-tooltip.cm-completionInfo": {
    maxWidth: "320px",
    padding: "8px 12px",
    font: "var(--small)",
    color: "var(--ink)",
    whiteSpace: "pre-line",
  },
  // Beside the list there is no room: it would cover what it explains.
  ".cm-completionInfo-left-narrow, .cm-completionInfo-right-narrow": { display: "none" },
  ".cm-diagnostic": { padding: "6px 12px", font: "var(--small)", border: "0" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--ember)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--yolk)" },
  ".cm-lintRange-error, .cm-lintRange-warning": {
    backgroundImage: "none",
    textDecorationLine: "underline",
    textDecorationStyle: "wavy",
    textDecorationThickness: "1px",
    textUnderlineOffset: "3px",
  },
  ".cm-lintRange-error": { textDecorationColor: "var(--ember)" },
  ".cm-lintRange-warning": { textDecorationColor: "var(--yolk)" },
  ".cm-lintPoint::after": { borderBottomColor: "var(--ember)" },
  ".cm-gutter-lint": { width: "12px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0 0 0 4px" },
  ".cm-lint-marker": { width: "8px", height: "20px", content: '""', display: "grid", placeItems: "center" },
  ".cm-lint-marker::before": {
    content: '""',
    width: "8px",
    height: "8px",
    borderRadius: "999px",
    backgroundColor: "var(--yolk)",
  },
  ".cm-lint-marker-error::before": { backgroundColor: "var(--ember)" },
});

const diffs = EditorView.theme({
  "&.cm-merge-a .cm-changedLine, .cm-deletedChunk": {
    backgroundColor: "color-mix(in srgb, var(--ember-soft) 50%, transparent)",
  },
  "&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine": {
    backgroundColor: "color-mix(in srgb, var(--moss-soft) 50%, transparent)",
  },
  "&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText": {
    background: "var(--ember-soft)",
  },
  "&.cm-merge-b .cm-changedText": { background: "var(--moss-soft)" },
  ".cm-deletedChunk": { paddingLeft: "8px" },
  ".cm-deletedLine, del": { textDecoration: "none" },
  "&.cm-merge-a .cm-changedLineGutter, .cm-deletedLineGutter": { backgroundColor: "var(--ember)" },
  "&.cm-merge-b .cm-changedLineGutter": { backgroundColor: "var(--moss)" },
  ".cm-collapsedLines": {
    padding: "4px 12px",
    background: "var(--raised)",
    backgroundImage: "none",
    color: "var(--muted)",
    font: "var(--small)",
    cursor: "pointer",
  },
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: '"…"', margin: "0 6px 0 0" },
  ".cm-collapsedLines:after": { margin: "0 0 0 6px" },
  ".cm-merge-spacer": { backgroundColor: "color-mix(in srgb, var(--raised) 60%, transparent)" },
});

// Plum, accent, moss and slate keep 4.5:1 on every ground of both themes.
const colours = HighlightStyle.define([
  { tag: [t.keyword, t.controlKeyword, t.operatorKeyword, t.moduleKeyword], color: "var(--plum)" },
  { tag: [t.definitionKeyword, t.self], color: "var(--plum)" },
  { tag: [t.string, t.special(t.string)], color: "var(--moss)" },
  { tag: [t.number, t.bool, t.null], color: "var(--yolk)" },
  { tag: [t.comment, t.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [t.function(t.definition(t.variableName)), t.definition(t.className)], color: "var(--accent)" },
  { tag: [t.function(t.variableName), t.function(t.propertyName)], color: "var(--accent)" },
  { tag: [t.className, t.typeName], color: "var(--accent)" },
  { tag: [t.propertyName], color: "var(--ink)" },
  { tag: [t.meta], color: "var(--rose)" },
  { tag: [t.operator, t.punctuation, t.bracket], color: "var(--slate)" },
  { tag: [t.escape, t.regexp], color: "var(--rose)" },
  { tag: [t.invalid], color: "var(--ember)" },
]);

export const theme = [look, panels, floats, syntaxHighlighting(colours)];
export const diffTheme = [theme, diffs];
