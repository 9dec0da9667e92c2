// The editor of the pages. Bundled into ../static/editor.js, which is committed:
// to build the book, nobody needs node. See README.md beside this file.
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightSpecialChars, keymap } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap, indentWithTab, insertTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { tags } from "@lezer/highlight";

// The colours are those of the page's other listings.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null], color: "var(--code-word)" },
  { tag: [tags.definition(tags.variableName), tags.function(tags.definition(tags.variableName))], color: "var(--code-name)" },
  { tag: tags.string, color: "var(--code-text)" },
  { tag: tags.number, color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--code-remark)", fontStyle: "italic" },
]);

// parent: where it stands. told: the id of the line that says how to leave it.
window.makeEditor = (parent, doc, { label, told, changed, run, complete }) => {
  const act = () => (run(), true);
  const extensions = [
    history(), drawSelection(), highlightSpecialChars(), indentOnInput(), bracketMatching(),
    closeBrackets(), indentUnit.of("    "), EditorState.tabSize.of(4), python(),
    syntaxHighlighting(colours), EditorView.lineWrapping,
    autocompletion({ override: [complete], activateOnTypingDelay: 250 }),
    EditorView.contentAttributes.of({
      "aria-label": label, "aria-describedby": told,
      autocapitalize: "off", autocorrect: "off", spellcheck: "false", enterkeyhint: "enter",
    }),
    EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
    keymap.of([
      { key: "Shift-Enter", run: act }, { key: "Mod-Enter", run: act },
      ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab,
    ]),
  ];
  const view = new EditorView({ parent, state: EditorState.create({ doc, extensions }) });
  return {
    get text() { return view.state.doc.toString() },
    set text(text) { view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }) },
    focus() { view.focus() },
    type(key) { key === "\t" ? insertTab(view) : view.dispatch(view.state.replaceSelection(key)); view.focus() },
  };
};
