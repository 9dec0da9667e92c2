// A single head: words to reorder, numbers of W_q to turn, and what comes of it.
FIGURES.single_head = {
  start: () => ({ order: BOOK.tokens.map((_, k) => k), asks: BOOK.tokens.indexOf("cat"), W_q: BOOK.params.W_q }),
  compute({ order, W_q }) {
    const words = order.map((k) => BOOK.tokens[k]);
    const { Q, A, O } = maths.singleHead(maths.embed(words), { ...BOOK.params, W_q });
    return { words, Q, A, O };
  },
  build(figure) {
    const move = (from, to) => {
      const order = reordered(figure.state.order, from, to);
      figure.change({ order, asks: order.indexOf(figure.state.order[figure.state.asks]) });
    };
    const shift = (by) => () => move(figure.state.asks, figure.state.asks + by);
    const left = button("◀ Move it left", shift(-1)), right = button("Move it right ▶", shift(1));
    const sentence = new Sentence(figure, { move });
    const turned = (i, j, value) => figure.change({ W_q: figure.state.W_q.map((line, k) => (k === i ? line.with(j, value) : line)) });
    const W = new Matrix({ name: "W_q: drag a number", label: "W_q", role: "Q", rows: BOOK.features, columns: BOOK.asksFor, edit: turned });
    const shown = { rows: BOOK.tokens, point: asking(figure), walk: false };
    const Q = new Matrix({ name: `Q, with the bias ${BOOK.params.b_q.map(written).join(" ")}`, label: "Q", role: "Q", ...shown, columns: BOOK.asksFor });
    const A = new Matrix({ name: "A, weights", role: "A", ...shown, columns: BOOK.tokens, write: share });
    const O = new Matrix({ name: "O, taken home", role: "O", ...shown, columns: BOOK.carries });
    return {
      nodes: [sentence.node, figure.says, row(left, right, button("As it was", () => figure.reset())), matrices(W.node, Q.node, make("div", { class: "figure-stack" }, A.node, O.node))],
      show({ asks, W_q }, { words, ...numbers }) {
        const look = (i) => i === asks && "lit";
        left.disabled = asks === 0;
        right.disabled = asks === words.length - 1;
        sentence.show(words, asks, [{ weights: numbers.A[asks], role: "A" }]);
        W.show(W_q, { look: (i, j) => W_q[i][j] !== BOOK.params.W_q[i][j] && "changed" });
        Q.show(numbers.Q, { rows: words, look });
        A.show(numbers.A, { rows: words, columns: words, look, top: 1 });
        O.show(numbers.O, { rows: words, look, top: 2 });
      },
    };
  },
  says({ asks }, { words, A, O }) {
    const home = BOOK.carries.map((name, c) => `${name} ${written(O[asks][c])}`);
    return `${words[asks]} looks ${mostAt(words, A[asks])}. It takes home ${listed(home)}.`;
  },
};
