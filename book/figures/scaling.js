// Scaling: scores of random queries and keys, divided by a temperature before softmax.
// Both sliders go in steps of which two double the temperature, and one doubles d_k: so
// step k of the one is the root of step k of the other. The first vector is one from which
// the draws are typical: their spread is within a tenth of the root, for every d_k.
const FIRST = 2600, QUERIES = 8, KEYS = 16, WIDEST = 8, HOTTEST = 10, COLDEST = -2;

// Normal numbers, the same on every page: a generator (mulberry32) for each vector.
const normals = (seed, size) => {
  let state = seed * 0x9e3779b9;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return Array.from({ length: size }, () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
};
const vectors = (first, many, size) => Array.from({ length: many }, (_, k) => normals(first + k, size));

FIGURES.scaling = {
  start: () => ({ width: 6, heat: 6, follow: true }),
  compute({ width, heat, follow }) {
    const d_k = 2 ** width, temperature = 2 ** ((follow ? width : heat) / 2);
    const Q = vectors(FIRST, QUERIES, d_k), K = vectors(FIRST + QUERIES, KEYS, d_k);
    const S = maths.scores(Q, K), divided = maths.scale(S, temperature), A = maths.softmax(divided);
    return {
      Q, K, S, divided, A, d_k, temperature,
      spread: spread(S.flat()), left: spread(divided.flat()),
      best: largest(A[0]), // the first query stands for all
      answer: A[0].reduce((sum, a) => sum + 2 * a * (1 - a), 0) / KEYS,
    };
  },
  build(figure) {
    const width = slider("d_k, features", { min: 0, max: WIDEST }, (value) => figure.change({ width: value }));
    const heat = slider("temperature", { min: COLDEST, max: HOTTEST }, (value) => figure.change({ heat: value, follow: false }));
    const follow = make("input", { type: "checkbox" });
    follow.addEventListener("change", () => figure.change({ follow: follow.checked, heat: figure.state.follow ? figure.state.width : figure.state.heat }));
    let now = null;
    const first = svg("g", { class: "dots quiet" }), second = svg("g", { class: "dots" }), axis = svg("g", { class: "axis" });
    const dots = new Drawing(112, (sheet, wide) => {
      if (!now) return;
      const x = (score) => wide / 2 + (score / 50) * (wide / 2 - 8);
      [[first, now.S, 24], [second, now.divided, 76]].forEach(([group, values, y]) =>
        plot(group, "circle", values.flat(), (score, k) => ({ cx: x(score).toFixed(1), cy: y + 4 * ((k * 5) % 9) - 16, r: 2.5 })));
      plot(axis, "text", [-40, -20, 0, 20, 40], (score) => ({ x: x(score), y: 110 }));
      [...axis.children].forEach((text, k) => say(text, minus(`${20 * k - 40}`)));
    });
    dots.node.append(first, second, axis);
    const columns = svg("g", { class: "bars" });
    const bars = new Drawing(84, (sheet, wide) => now && plot(columns, "rect", now.A[0], (a, k) => ({
      x: (k * wide) / KEYS + 2, width: wide / KEYS - 4, y: 82 - 80 * a, height: 80 * a + 1,
    })));
    bars.node.append(columns);
    const before = make("p", { class: "figure-label" }), after = make("p", { class: "figure-label" });
    return {
      nodes: [width, heat, make("label", { class: "figure-check" }, follow, make("span", {}, "the temperature is always √", ...indexed("d_k"))),
        make("p", { class: "figure-label" }, "128 scores of random queries and keys, and below them the same, divided by the temperature"), dots.node,
        make("p", { class: "figure-label" }, "the shares that the first query gives to 16 keys"), bars.node, figure.says],
      show(state, numbers) {
        now = numbers;
        width.set(state.width, `${numbers.d_k}`);
        const root = Math.abs(numbers.temperature ** 2 - numbers.d_k) < 1e-9;
        heat.set(Math.log2(numbers.temperature) * 2, `${written(numbers.temperature)}${root ? " = √d_k" : ""}`);
        follow.checked = state.follow;
        dots.paint();
        bars.paint();
      },
    };
  },
  says: (_, { spread: wide, left, temperature, best, answer }) =>
    `The scores spread by ${written(wide)}; divided by ${written(temperature)}, they spread by ${written(left)}. ` +
    `The best key gets ${share(best)}. Nudge a score a little: the shares move by ${share(answer)} of that.`,
};
