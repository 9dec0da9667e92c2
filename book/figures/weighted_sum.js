// Weighted sum: values as points, and what a word takes home as its scores grow louder.
const LOUDEST = 3, PLANE = 230; // as in the chapter's experiment; how high the plane is

FIGURES.weighted_sum = {
  start: () => ({ asks: BOOK.tokens.indexOf("cat"), loudness: 1 }),
  compute({ asks, loudness }) {
    const { S, V } = maths.singleHead(maths.embed(BOOK.tokens), BOOK.params);
    const scaled = maths.scale([S[asks]], Math.sqrt(BOOK.asksFor.length))[0];
    const A = maths.softmax([scaled.map((s) => s * loudness)]);
    return { V, A: A[0], O: maths.weightedSum(A, V)[0] };
  },
  build(figure) {
    const words = choice("The word that asks", BOOK.tokens.map((word, k) => [k, word]), (value) => figure.change({ asks: +value }));
    const loudness = slider("scores times", { min: 0, max: LOUDEST, step: 0.05 }, (value) => figure.change({ loudness: value }));
    let now = null;
    const layer = (name) => svg("g", { class: name });
    const [axes, ties, values, names, numbers] = ["axes", "ties", "values", "names", "names quiet"].map(layer);
    const path = svg("path", { class: "path" }), output = svg("circle", { class: "output", r: 8 });
    const mine = svg("text", { class: "mine" });
    const plane = new Drawing(PLANE, (sheet, wide) => {
      if (!now) return;
      const unit = Math.min(PLANE / 4, wide / 5);
      const x = (point) => wide / 2 + (point[0] - 1) * unit, y = (point) => PLANE / 2 - (point[1] + 0.5) * unit;
      plot(axes, "path", [`M${x([-0.6])} ${y([0, 0])}H${x([2.8])}`, `M${x([0])} ${y([0, -2.4])}V${y([0, 1.4])}`], (d) => ({ d }));
      plot(ties, "path", now.V, (v, k) => ({ d: `M${x(now.O)} ${y(now.O)}L${x(v)} ${y(v)}`, "stroke-width": Math.max(1, 10 * now.A[k]).toFixed(2) }));
      path.setAttribute("d", `M${now.way.map((o) => `${x(o).toFixed(1)} ${y(o).toFixed(1)}`).join("L")}`);
      plot(values, "circle", now.V, (v) => ({ cx: x(v), cy: y(v), r: 6 }));
      const text = (v) => ({ x: x(v) + (v[0] > 1 ? 14 : -14), y: y(v) + 5, "text-anchor": v[0] > 1 ? "start" : "end" });
      plot(names, "text", now.V, text);
      [...names.children].forEach((node, k) => say(node, `${BOOK.tokens[k]} ${share(now.A[k])}`));
      const ends = [[2.8, 0], [0, 1.4]];
      plot(numbers, "text", ends, (end, k) => ({ x: x(end) + (k ? 8 : 0), y: y(end) + (k ? 4 : 18), "text-anchor": k ? "start" : "end" }));
      [...numbers.children].forEach((node, k) => say(node, `${BOOK.carries[k]} ${k ? "↑" : "→"}`));
      output.setAttribute("cx", x(now.O));
      output.setAttribute("cy", y(now.O));
      mine.setAttribute("x", x(now.O) + 10);
      mine.setAttribute("y", y(now.O) + 20);
      say(mine, "taken home");
    });
    plane.node.append(axes, ties, path, values, names, numbers, output, mine);
    return {
      nodes: [row(words), plane.node, loudness],
      show(state, numbers) {
        const way = Array.from({ length: 61 }, (_, k) => FIGURES.weighted_sum.compute({ ...state, loudness: (k * LOUDEST) / 60 }).O);
        now = { ...numbers, way };
        words.choose(state.asks);
        loudness.set(state.loudness, written(state.loudness));
        plane.paint();
      },
    };
  },
  says({ asks, loudness }, { A, O }) {
    const home = BOOK.carries.map((name, c) => `${name} ${written(O[c])}`);
    return `With its scores times ${written(loudness)}, ${BOOK.tokens[asks]} looks ${mostAt(BOOK.tokens, A)}. It takes home ${listed(home)}.`;
  },
};
