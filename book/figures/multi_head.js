// Many heads: head 1, head 2, both, or one wide head of the same weights; with a mask.
FIGURES.multi_head = {
  start: () => ({ heads: "both", masked: false, asks: BOOK.tokens.indexOf("cat") }),
  compute({ heads, masked }) {
    const X = maths.embed(BOOK.tokens), allowed = masked ? maths.causal(X.length) : null;
    return { allowed, ...maths.multiHead(X, BOOK.headsParams, heads === "wide" ? 1 : 2, allowed) };
  },
  build(figure) {
    const words = BOOK.tokens;
    const heads = choice("Heads", [["1", "Head 1"], ["2", "Head 2"], ["both", "Both"], ["wide", "One wide"]], (value) => figure.change({ heads: value }));
    const mask = toggle("Mask", () => figure.change({ masked: !figure.state.masked }));
    mask.setAttribute("aria-label", "Mask: no word looks at a later one");
    const sentence = new Sentence(figure, { high: 150 });
    const shown = { rows: words, point: asking(figure), walk: false };
    const weights = [["A of head 1", "head1"], ["A of head 2", "head2"], ["A of the wide head", "A"]].map(([name, role]) =>
      new Matrix({ name, role, ...shown, columns: words, write: share }));
    const Y = new Matrix({ name: "Y: what each word is told", role: "Y", ...shown, columns: BOOK.features });
    return {
      nodes: [row(heads, mask), sentence.node, figure.says, matrices(...weights.map((matrix) => matrix.node)), matrices(Y.node)],
      show({ heads: which, masked, asks }, numbers) {
        heads.choose(which);
        mask.press(masked);
        const lanes = lanesOf(which, numbers);
        sentence.show(words, asks, lanes.map(({ A, role }) => ({ weights: A[asks], role })));
        weights.forEach((matrix, k) => {
          const lane = lanes.find(({ matrix: at }) => at === k);
          matrix.node.hidden = !lane;
          if (lane) matrix.show(lane.A, { top: 1, look: (i, j) => (numbers.allowed && !numbers.allowed[i][j] ? "masked" : i === asks && "lit") });
        });
        Y.show(numbers.Y, { look: (i) => i === asks && "lit" });
      },
    };
  },
  says({ heads, asks }, numbers) {
    const looks = lanesOf(heads, numbers).map(({ A, name }) => `${name}: ${BOOK.tokens[asks]} looks ${mostAt(BOOK.tokens, A[asks])}.`);
    return looks.join("\n");
  },
};
const lanesOf = (heads, { A }) => {
  if (heads === "wide") return [{ A: A[0], role: "A", matrix: 2, name: "One wide head" }];
  const both = A.map((weights, k) => ({ A: weights, role: `head${k + 1}`, matrix: k, name: `Head ${k + 1}, “${BOOK.heads[k]}”` }));
  return heads === "both" ? both : [both[heads - 1]];
};
