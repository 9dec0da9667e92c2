// Scores: a cell of S, the query and the key that meet there, and their products.
FIGURES.scores = {
  start() {
    const [Q, K] = maths.project(maths.embed(BOOK.tokens), BOOK.params);
    return { Q, K, i: BOOK.tokens.indexOf("cat"), j: BOOK.tokens.indexOf("tired") };
  },
  compute({ Q, K, i, j }) {
    return { S: maths.scores(Q, K), products: Q[i].map((q, c) => q * K[j][c]) };
  },
  build(figure) {
    const words = { rows: BOOK.tokens, columns: BOOK.asksFor };
    const turned = (name) => (i, j, value) =>
      figure.change({ [name]: figure.state[name].map((row, k) => (k === i ? row.with(j, value) : row)) });
    const Q = new Matrix({ name: "Q asks for", role: "Q", ...words, edit: turned("Q"), point: pointing(figure, (i) => ({ i })) });
    const K = new Matrix({ name: "K offers", role: "K", ...words, edit: turned("K"), point: pointing(figure, (j) => ({ j })) });
    const S = new Matrix({ name: "S, scores", role: "S", rows: BOOK.tokens, columns: BOOK.tokens, point: pointing(figure, (i, j) => ({ i, j })) });
    return {
      nodes: [matrices(Q.node, K.node, S.node), figure.says, row(button("As it was", () => figure.reset()))],
      show(state, numbers) {
        const { i, j } = state;
        Q.show(state.Q, { look: (r) => r === i && "lit" });
        K.show(state.K, { look: (r) => r === j && "lit" });
        S.show(numbers.S, { look: (r, c) => (r === i && c === j ? "lit" : (r === i || c === j) && "near") });
      },
    };
  },
  says({ Q, K, i, j }, { S }) {
    const products = BOOK.asksFor.map((name, c) => `${name} ${written(Q[i][c])}·${written(K[j][c])}`);
    return `${BOOK.tokens[i]} asks ${BOOK.tokens[j]}: ${products.join(" + ")} = ${written(S[i][j])}`;
  },
};
