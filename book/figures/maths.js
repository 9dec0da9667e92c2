// What the figures compute, in the letters and shapes of the book: a matrix is a list of
// rows. `allowed` is true where a query may look at a key; without it all may.

const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);
const largest = (values) => Math.max(...values);
const spread = (values) => {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
};

const maths = {
  embed: (words) => words.map((word) => BOOK.table[BOOK.vocabulary.indexOf(word)]),
  linear: (X, W, b) => X.map((x) => b.map((bias, j) => x.reduce((sum, v, i) => sum + v * W[i][j], bias))),
  scores: (Q, K) => Q.map((q) => K.map((k) => dot(q, k))),
  scale: (S, root) => S.map((row) => row.map((s) => s / root)),
  softmax: (S, allowed) => S.map((row, i) => {
    const may = row.map((_, j) => !allowed || allowed[i][j]);
    const top = largest(row.filter((_, j) => may[j]));
    const parts = row.map((s, j) => (may[j] ? Math.exp(s - top) : 0));
    const total = parts.reduce((sum, part) => sum + part, 0);
    return parts.map((part) => (total ? part / total : 0));
  }),
  weightedSum: (A, V) => A.map((a) => V[0].map((_, c) => a.reduce((sum, w, j) => sum + w * V[j][c], 0))),
  attention(Q, K, V, allowed) {
    const S = maths.scores(Q, K);
    const A = maths.softmax(maths.scale(S, Math.sqrt(K[0].length)), allowed);
    return { S, A, O: maths.weightedSum(A, V) };
  },
  project: (X, params) => ["q", "k", "v"].map((r) => maths.linear(X, params[`W_${r}`], params[`b_${r}`])),
  singleHead: (X, params) => {
    const [Q, K, V] = maths.project(X, params);
    return { Q, K, V, ...maths.attention(Q, K, V) };
  },
  // Each head its own run of columns: (n, d_model) -> (h, n, d_k).
  split: (X, h) => Array.from({ length: h }, (_, head) => {
    const width = X[0].length / h;
    return X.map((row) => row.slice(head * width, (head + 1) * width));
  }),
  // What a reshape makes of it: the same shape, in reading order.
  reshape(X, h) {
    const flat = X.flat(), width = X[0].length / h;
    return Array.from({ length: h }, (_, head) => X.map((_, t) => {
      const start = (head * X.length + t) * width;
      return flat.slice(start, start + width);
    }));
  },
  multiHead(X, params, h, allowed) {
    const [Q, K, V] = maths.project(X, params).map((projected) => maths.split(projected, h));
    const heads = Q.map((q, head) => maths.attention(q, K[head], V[head], allowed));
    const O = X.map((_, t) => heads.flatMap((head) => head.O[t]));
    return { A: heads.map((head) => head.A), O, Y: maths.linear(O, params.W_o, params.b_o) };
  },
  causal: (n) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => j <= i)),
};
