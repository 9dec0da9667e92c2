// Home: a sentence of the book's little vocabulary, and where each word looks.
const SENTENCES = [
  ["the", "tired", "cat", "slept"],
  ["the", "lively", "dog", "ran"],
  ["the", "lively", "cat", "slept"],
];

const MOST = 6; // words that fit beside each other on a phone

// Why words cannot be shown. The last one may still be on its way.
const known = (word) => BOOK.vocabulary.includes(word);
const hindrance = (words, typing) => {
  const begun = (word) => typing && word === words.at(-1) && BOOK.vocabulary.some((one) => one.startsWith(word));
  const unknown = words.find((word) => !known(word) && !begun(word));
  if (unknown) return `“${unknown}” is not in the book's vocabulary: ${BOOK.vocabulary.join(", ")}.`;
  if (words.length > MOST) return `There is room for ${MOST} words.`;
  return "";
};

FIGURES.home = {
  start: () => ({ words: BOOK.tokens, asks: BOOK.tokens.length - 1, heads: 1, remark: "" }),
  compute({ words, heads }) {
    const X = maths.embed(words);
    if (heads === 2) return maths.multiHead(X, BOOK.headsParams, 2);
    const { A, O } = maths.singleHead(X, BOOK.params);
    return { A: [A], O };
  },
  build(figure) {
    const heads = choice("Heads", [[1, "One head"], [2, "Two heads"]], (value) => figure.change({ heads: +value }));
    const move = (from, to) => figure.change({
      words: reordered(figure.state.words, from, to),
      asks: reordered(figure.state.words.map((_, k) => k), from, to).indexOf(figure.state.asks),
    });
    const sentence = new Sentence(figure, { move, high: 100 });
    const read = (words) => ({ words, asks: Math.min(figure.state.asks, words.length - 1), remark: "" });
    const chips = SENTENCES.map((words) => toggle(words.join(" "), () => { field.value = ""; figure.change(read(words)) }));
    const field = make("input", { type: "text", autocapitalize: "off", autocomplete: "off", spellcheck: "false", placeholder: "type your own", maxlength: 60 });
    // What is typed is shown where all of it can be: else, what stood there before.
    let before = BOOK.tokens;
    field.addEventListener("focus", () => { before = figure.state.words });
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().match(/\p{L}+/gu) ?? [];
      const remark = hindrance(words, /\p{L}$/u.test(field.value));
      if (remark) figure.change({ ...read(before), remark });
      else if (words.length > 1 && words.every(known)) figure.change(read(words));
    });
    const own = make("label", { class: "figure-own" }, "or ", field);
    return {
      nodes: [row(heads, ...chips, own), sentence.node],
      show({ words, asks, heads: number }, { A }) {
        heads.choose(number);
        chips.forEach((chip) => chip.press(chip.textContent === words.join(" ")));
        sentence.show(words, asks, A.map((weights, k) => ({ weights: weights[asks], role: A.length > 1 ? `head${k + 1}` : "A" })));
      },
    };
  },
  says({ words, asks, remark }, { A }) {
    if (remark) return remark;
    if (A.length === 1) return `${words[asks]} looks ${mostAt(words, A[0][asks])}.`;
    return A.map((weights, k) => `Head ${k + 1}, “${BOOK.heads[k]}”: ${words[asks]} looks ${mostAt(words, weights[asks])}.`).join("\n");
  },
};
