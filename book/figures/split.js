// Split: a knife across the columns, and beside it what a reshape would do.
const toneOf = (head, heads) => {
  const far = heads > 1 ? (100 * head) / (heads - 1) : 0;
  return `color-mix(in oklab, var(--head2) ${far.toFixed(0)}%, var(--head1))`;
};

FIGURES.split = {
  start: () => ({ width: BOOK.asksFor.length, number: null }),
  // Each number tells its place: 32 is feature 2 of word 3.
  compute({ width }) {
    const X = BOOK.tokens.map((_, t) => BOOK.features.map((_, c) => 10 * (t + 1) + c + 1));
    const heads = X[0].length / width, right = maths.split(X, heads), reshaped = maths.reshape(X, heads);
    const wrong = reshaped.flat(2).filter((value, k) => value !== right.flat(2)[k]).length;
    return { X, heads, right, reshaped, wrong };
  },
  build(figure) {
    const all = BOOK.features.length;
    const widths = BOOK.features.map((_, c) => c + 1).filter((width) => all % width === 0);
    const nearest = (width) => widths.reduce((best, w) => (Math.abs(w - width) < Math.abs(best - width) ? w : best));
    const cut = slider("columns of a head", { min: 0, max: widths.length - 1 }, (k) => figure.change({ width: widths[k], number: null }));
    const point = (values) => pointing(figure, (i, j) => ({ number: values()[i][j] }));
    let now = null;
    const whole = new Matrix({ name: "All heads in a row", role: "Q", rows: BOOK.tokens, columns: BOOK.features.map((_, c) => `${c + 1}`), point: point(() => now.X) });
    const knife = make("div", { class: "knife", "aria-hidden": true });
    const board = make("div", { class: "board" }, whole.node, knife);
    const edge = (column) => {
      const cell = whole.cells[0][column - 1];
      return cell.offsetLeft + cell.offsetWidth;
    };
    const slice = (event) => {
      const x = event.clientX - board.getBoundingClientRect().left;
      const over = BOOK.features.map((_, c) => Math.abs(edge(c + 1) - x));
      figure.change({ width: nearest(over.indexOf(Math.min(...over)) + 1), number: null });
    };
    knife.addEventListener("pointerdown", (event) => { knife.setPointerCapture(event.pointerId); event.preventDefault() });
    knife.addEventListener("pointermove", (event) => knife.hasPointerCapture(event.pointerId) && slice(event));
    const place = () => now && knife.style.setProperty("left", `${edge(figure.state.width)}px`);
    new ResizeObserver(place).observe(board);

    const sides = ["right", "reshaped"].map((which) => ({ which, node: matrices(), matrices: [] }));
    const lay = ({ heads, right }) => sides.forEach((side) => {
      side.matrices = right.map((head, k) => new Matrix({
        name: `head ${k + 1}`, label: `${side.which === "right" ? "split" : "reshape"}, head ${k + 1}`, role: "X", rows: BOOK.tokens,
        columns: head[0].map((_, c) => `${c + 1}`), point: point(() => now[side.which][k]),
      }));
      side.node.replaceChildren(...side.matrices.map((matrix) => matrix.node));
    });
    return {
      nodes: [
        board, cut, figure.says,
        make("div", { class: "figure-sides" },
          make("div", {}, make("p", { class: "figure-label" }, "cut, and the heads brought to the front"), sides[0].node),
          make("div", {}, make("p", { class: "figure-label" }, "a reshape alone: the same shape"), sides[1].node)),
      ],
      show({ width, number }, numbers) {
        const changed = now?.heads !== numbers.heads;
        now = numbers;
        if (changed) lay(numbers);
        const tone = (value) => toneOf(Math.floor((value % 10 - 1) / width), numbers.heads);
        const look = (value, wrong) => [value === number && "lit", wrong && "wrong"].filter(Boolean).join(" ");
        cut.set(widths.indexOf(width), `${width}: ${counted(numbers.heads, "head")}`);
        whole.show(numbers.X, { top: 1, tone: (i, j) => tone(numbers.X[i][j]), look: (i, j) => `${look(numbers.X[i][j])} ${(j + 1) % width || j + 1 === all ? "" : "cut"}` });
        sides.forEach(({ which, matrices }) => matrices.forEach((matrix, k) => {
          const values = numbers[which][k];
          matrix.show(values, {
            top: 1, tone: (i, j) => tone(values[i][j]), look: (i, j) => look(values[i][j], values[i][j] !== numbers.right[k][i][j]),
          });
        }));
        place();
      },
    };
  },
  says({ number }, { heads, right, reshaped, wrong }) {
    const words = BOOK.tokens.map((word) => `“${word}”`);
    if (number) {
      const whose = (side) => side.findIndex((head) => head.flat().includes(number)) + 1;
      return `${number} is feature ${number % 10} of ${words[Math.floor(number / 10) - 1]}. The split gives it to head ${whose(right)}, the reshape to head ${whose(reshaped)}.`;
    }
    if (!wrong) return "One head: there is nothing to cut, and both are the same.";
    const heard = words.filter((_, t) => reshaped[0].flat().some((value) => Math.floor(value / 10) === t + 1));
    return `${heads} heads. After a reshape, ${wrong} of ${words.length * BOOK.features.length} numbers stand where another should; head 1 has heard of ${listed(heard)} alone.`;
  },
};
