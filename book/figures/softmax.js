// Softmax: four scores to drag, and the shares that they become.
const EDGE = 9; // the largest score of a slider, and the lowest

FIGURES.softmax = {
  start() {
    const { S } = maths.singleHead(maths.embed(BOOK.tokens), BOOK.params);
    return { scores: maths.scale(S, Math.sqrt(BOOK.asksFor.length))[BOOK.tokens.indexOf("cat")] };
  },
  compute({ scores }) {
    const parts = scores.map(Math.exp);
    return { parts, total: parts.reduce((sum, part) => sum + part, 0), shares: maths.softmax([scores])[0] };
  },
  build(figure) {
    const change = (k, value) => figure.change({ scores: figure.state.scores.with(k, value) });
    const shift = (by) => () => figure.change({ scores: figure.state.scores.map((s) => s + by) });
    const lines = BOOK.tokens.map((word, k) => {
      const score = slider(word, { min: -EDGE, max: EDGE, step: 0.1 }, (value) => change(k, value));
      const part = make("span", { class: "part" }), bar = make("span", { class: "full" }), number = make("b");
      const node = make("div", { class: "figure-line" }, score, part, make("span", { class: "figure-bar" }, bar, number));
      return { score, part, bar, number, node };
    });
    const up = button("All up by 1", shift(1)), down = button("All down by 1", shift(-1));
    return {
      nodes: [
        make("div", { class: "figure-lines" },
          make("div", { class: "figure-line head", "aria-hidden": true },
            make("span", { class: "figure-slider" }, make("span"), make("span"), make("span", {}, "score")), make("span", {}, "exp"), make("span", {}, "share")),
          ...lines.map((line) => line.node)),
        figure.says,
        row(up, down, button("The row of cat", () => figure.reset())),
      ],
      show({ scores }, { parts, shares }) {
        lines.forEach((line, k) => {
          line.score.set(scores[k], written(scores[k]));
          say(line.part, parts[k] < 0.005 ? parts[k].toPrecision(2) : written(parts[k]));
          say(line.number, shares[k] < 0.005 ? shares[k].toPrecision(1) : share(shares[k]));
          line.bar.style.width = `calc(${shares[k].toFixed(4)} * (100% - 3.5rem))`;
        });
        up.disabled = largest(scores) + 1 > EDGE;
        down.disabled = largest(scores.map((s) => -s)) + 1 > EDGE;
      },
    };
  },
  says({ scores }, { shares, total }) {
    return `cat looks ${mostAt(BOOK.tokens, shares)}. The exponentials add up to ${written(total)}, the shares to 1.`;
  },
};
