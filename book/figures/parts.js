// What figures are made of: a sentence with arcs, matrices, sliders, choices.

const make = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const key in attributes) if (attributes[key] !== undefined) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};
const svg = (name, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};
const say = (node, text) => { if (node.textContent !== text) node.textContent = text };
// d_k is set as a letter with an index.
const indexed = (text) => text.split(/(d_k)/).map((part) => (part === "d_k" ? make("span", {}, make("i", {}, "d"), make("sub", {}, "k")) : part));
let count = 0;
const fresh = () => `figure-${(count += 1)}`; // a name that nothing else on the page has

// Numbers: as few digits as they need, and shares always with two.
const minus = (text) => text.replace("-", "−");
const written = (value) => minus(`${+value.toFixed(2) || 0}`);
const share = (value) => value.toFixed(2);
const listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);
const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

// Where a row of weights looks most, in words.
const mostAt = (words, weights) => {
  const top = largest(weights);
  const there = words.filter((_, j) => top - weights[j] < 1e-9);
  if (there.length === words.length && words.length > 1) return `at all words alike: ${share(top)} each`;
  return `most at ${listed(there)}: ${share(top)} of its attention${there.length > 1 ? " each" : ""}`;
};

const row = (...children) => make("div", { class: "figure-row" }, ...children);
const matrices = (...nodes) => make("div", { class: "figure-row matrices" }, ...nodes);
const button = (label, act) => {
  const node = make("button", { type: "button" }, label);
  node.addEventListener("click", act);
  return node;
};
// A button that is pressed or not: `press(true)` says so.
const toggle = (label, act) => {
  const node = button(label, act);
  node.press = (on) => node.setAttribute("aria-pressed", on);
  return node;
};
// One of several. `options` is [[value, label], ...]; `choose(value)` marks one.
const choice = (legend, options, act) => {
  const name = fresh();
  const inputs = options.map(([value]) => make("input", { type: "radio", name, value }));
  const node = make("fieldset", { class: "figure-choice" }, make("legend", {}, legend),
    ...inputs.map((input, k) => make("label", {}, input, make("span", {}, options[k][1]))));
  node.addEventListener("change", () => act(inputs.find((input) => input.checked).value));
  node.choose = (value) => inputs.forEach((input) => { input.checked = input.value === `${value}` });
  return node;
};
// A slider with its number beside it: `set(value, text)`.
const slider = (label, { min, max, step = 1 }, act) => {
  const input = make("input", { type: "range", min, max, step });
  const shown = make("output", { "aria-hidden": true });
  const node = make("label", { class: "figure-slider" }, make("span", {}, ...indexed(label)), input, shown);
  input.addEventListener("input", () => act(+input.value));
  node.set = (value, text) => {
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    shown.replaceChildren(...indexed(text));
  };
  return node;
};

// Cells of which one has the focus: arrows walk, `key` may take a key for itself.
const roam = (cells, columns, key = () => false) => {
  cells.forEach((cell, k) => {
    cell.tabIndex = k ? -1 : 0;
    cell.addEventListener("focus", () => cells.forEach((other) => { other.tabIndex = other === cell ? 0 : -1 }));
    cell.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const last = cells.length - 1, inRow = k % columns;
      const next = {
        ArrowLeft: k - 1, ArrowRight: k + 1, ArrowUp: k - columns, ArrowDown: k + columns,
        Home: k - inRow, End: k - inRow + columns - 1,
      }[event.key];
      const taken = key(event, k);
      if (!taken && next === undefined) return;
      event.preventDefault();
      if (!taken) cells[Math.min(Math.max(next, 0), last)].focus();
    });
  });
};

// A mouse that comes to a thing by its own move: a page that scrolls moves none.
const hovered = (node, act) => {
  let over = false;
  node.addEventListener("pointerleave", () => { over = false });
  node.addEventListener("pointermove", (event) => {
    if (over || event.pointerType !== "mouse" || event.buttons || !(event.movementX || event.movementY)) return;
    over = true;
    act();
  });
};
// What is pointed at: shown as long as the mouse is there, and kept where it is chosen.
// `part(i, j)` is what that is in the state of the figure.
const pointing = (figure, part) => (i, j, held) => {
  if (i === undefined) figure.peek(null);
  else if (held) figure.change(part(i, j));
  else figure.peek(part(i, j));
};
// A list in which one thing has moved to another place.
const reordered = (list, from, to) => list.toSpliced(from, 1).toSpliced(to, 0, list[from]);
const asking = (figure) => pointing(figure, (asks) => ({ asks }));

// A matrix as a table whose cells are tinted by their numbers. `role` is its letter, and
// so its colour. `point(i, j, held)` makes its cells answer to mouse, finger and keys
// (`walk: false`: not to keys, where something else does); `edit(i, j, value)` lets whole
// numbers from -9 to 9 be dragged.
const MOST_KNOB = 9, PIXELS = 14; // the largest number of a knob; how far it is dragged for 1

class Matrix {
  constructor({ name, role, rows, columns, label = name, point, walk = true, edit, write = written }) {
    this.write = write;
    this.heads = rows.map((text) => make("th", { scope: "row" }, text));
    this.tops = columns.map((text) => make("th", { scope: "col" }, text));
    this.cells = rows.map(() => columns.map(() => make("td")));
    this.node = make("table", { class: "figure-matrix", style: `--role: var(--${role}); --name: var(--${role}-ink)`, "aria-label": label },
      make("caption", {}, name),
      make("thead", {}, make("tr", {}, make("td"), ...this.tops)),
      make("tbody", {}, ...rows.map((_, i) => make("tr", {}, this.heads[i], ...this.cells[i]))));
    this.each = (act) => this.cells.forEach((cells, i) => cells.forEach((cell, j) => act(cell, i, j)));
    if (edit) this.turnable(edit, (i, j) => `${label}, ${rows[i]}, ${columns[j]}`, columns.length);
    else if (point && walk) this.walkable(columns.length);
    if (point) this.pointed(point);
  }

  pointed(point) {
    this.node.classList.add("pointed");
    this.each((cell, i, j) => {
      cell.addEventListener("click", () => point(i, j, true));
      cell.addEventListener("focusin", () => point(i, j, true));
      hovered(cell, () => point(i, j, false));
    });
    this.node.addEventListener("pointerleave", () => point());
  }
  walkable(columns) {
    this.node.setAttribute("role", "grid");
    this.each((cell) => cell.addEventListener("click", () => cell.focus()));
    roam(this.cells.flat(), columns);
  }
  turnable(edit, label, columns) {
    const change = (i, j, value) => {
      const kept = Math.min(Math.max(value, -MOST_KNOB), MOST_KNOB);
      if (kept !== this.values[i][j]) edit(i, j, kept);
    };
    this.each((cell, i, j) => {
      const knob = make("span", { role: "spinbutton", "aria-valuemin": -MOST_KNOB, "aria-valuemax": MOST_KNOB, "aria-label": label(i, j) });
      let start = null;
      knob.addEventListener("pointerdown", (event) => {
        start = { x: event.clientX, value: this.values[i][j] };
        knob.setPointerCapture(event.pointerId);
        knob.focus();
      });
      knob.addEventListener("pointermove", (event) => start && change(i, j, start.value + Math.round((event.clientX - start.x) / PIXELS)));
      for (const end of ["pointerup", "pointercancel"]) knob.addEventListener(end, () => { start = null });
      cell.append(knob);
    });
    roam(this.cells.flat().map((cell) => cell.firstChild), columns, (event, k) => {
      const step = { ArrowUp: 1, ArrowDown: -1, "+": 1, "-": -1 }[event.key];
      const i = Math.floor(k / columns), j = k % columns;
      if (step) change(i, j, this.values[i][j] + step);
      return Boolean(step);
    });
  }

  // `look(i, j)` is the class of a cell that stands out; `tone(i, j)` its own colour, where
  // it has not that of the matrix; `top` the number with the fullest tint.
  show(values, { look = () => "", tone, top, rows, columns } = {}) {
    this.values = values;
    const full = top ?? (largest(values.flat().map(Math.abs)) || 1);
    rows?.forEach((text, i) => say(this.heads[i], text));
    columns?.forEach((text, j) => say(this.tops[j], text));
    this.each((cell, i, j) => {
      const tinted = BOOK.tint[0] + (BOOK.tint[1] - BOOK.tint[0]) * Math.min(Math.abs(values[i][j]) / full, 1);
      cell.style.setProperty("--tint", `${(100 * tinted).toFixed(1)}%`);
      if (tone) cell.style.setProperty("--role", tone(i, j));
      cell.className = look(i, j) || "";
      const knob = cell.firstElementChild;
      say(knob ?? cell, this.write(values[i][j]));
      knob?.setAttribute("aria-valuenow", values[i][j]);
    });
  }
}

// Something drawn as wide as there is room for: `paint(sheet, wide)` draws it anew.
class Drawing {
  constructor(high, paint) {
    this.node = svg("svg", { class: "figure-drawing", "aria-hidden": true, style: `height: ${high}px` });
    this.paint = () => {
      const wide = this.node.clientWidth;
      if (!wide) return;
      this.node.setAttribute("viewBox", `0 0 ${wide} ${high}`);
      paint(this.node, wide);
    };
    new ResizeObserver(this.paint).observe(this.node);
  }
}
// As many children of one kind as there are values; `set(node, value, k)` places each.
const plot = (group, name, values, set) => {
  while (group.children.length > values.length) group.lastChild.remove();
  while (group.children.length < values.length) group.append(svg(name));
  values.forEach((value, k) => {
    const attributes = set(value, k);
    for (const key in attributes) group.children[k].setAttribute(key, attributes[key]);
  });
};

// A sentence. One word asks, the one that is chosen or pointed at: arcs lead from it to
// all words, as thick as the weights. A lane is {weights, role}: the first bends above the
// words, the second below. With `move(from, to)` words can be dragged. `high` is the room
// of its arcs: one lane has it above, two share it, less a line of their shares.
const LINE = 18; // a line of shares, as high as in the style
class Sentence {
  constructor(figure, { move, high = 112 } = {}) {
    this.high = high;
    this.chosen = () => figure.state.asks;
    this.ask = asking(figure);
    this.move = move;
    this.sky = svg("svg", { class: "arcs", "aria-hidden": true });
    this.ground = svg("svg", { class: "arcs", "aria-hidden": true });
    this.line = make("div", { class: "words", role: "radiogroup", "aria-label": "The word that asks" });
    this.node = make("div", { class: "figure-sentence" }, this.sky, this.line, this.ground);
    this.line.addEventListener("pointerleave", () => this.ask());
    if (move) this.line.classList.add("movable");
    new ResizeObserver(() => this.shown && this.draw()).observe(this.node);
  }

  lay(words) {
    const name = fresh();
    this.places = words.map((_, j) => {
      const input = make("input", { type: "radio", name, value: j });
      input.addEventListener("click", () => this.ask(j, 0, true)); // by keyboard, too
      const place = { input, word: make("b"), above: make("i"), below: make("i") };
      place.node = make("label", {}, input, place.above, place.word, place.below);
      hovered(place.node, () => this.ask(j, 0, false));
      if (this.move) this.movable(place.node);
      return place;
    });
    this.line.replaceChildren(...this.places.map((place) => place.node));
  }

  // A word that is dragged changes places with the one that it comes over.
  movable(node) {
    let at = null, moved = false;
    node.addEventListener("pointerdown", (event) => {
      [at, moved] = [this.places.findIndex((place) => place.node === node), false];
      node.setPointerCapture(event.pointerId);
    });
    node.addEventListener("pointermove", (event) => {
      if (at === null) return;
      const box = this.line.getBoundingClientRect(), last = this.places.length - 1;
      const over = Math.floor(((event.clientX - box.left) / box.width) * (last + 1));
      const to = Math.min(Math.max(over, 0), last);
      if (to === at) return;
      this.move(at, to);
      [at, moved] = [to, true];
      this.line.classList.add("carried");
    });
    for (const end of ["pointerup", "pointercancel"]) {
      node.addEventListener(end, () => { at = null; this.line.classList.remove("carried") });
    }
    // Who drags has not chosen the word that stands there now.
    node.addEventListener("click", (event) => moved && event.preventDefault());
  }

  show(words, asks, lanes) {
    if (words.length !== this.places?.length) this.lay(words);
    this.shown = { words, asks, lanes };
    this.places.forEach((place, j) => {
      say(place.word, words[j]);
      place.input.checked = j === this.chosen();
      place.node.classList.toggle("asks", j === asks);
      [place.above, place.below].forEach((node, k) => {
        const lane = lanes.length > 1 ? lanes[k] : lanes[k - 1];
        say(node, lane ? share(lane.weights[j]) : "");
        node.style.color = lane ? `var(--${lane.role}-ink)` : "";
      });
    });
    this.draw();
  }

  draw() {
    const { words, asks, lanes } = this.shown, wide = this.node.clientWidth;
    if (!wide) return;
    const step = wide / words.length, centre = (j) => (j + 0.5) * step;
    const two = lanes.length > 1, high = two ? (this.high - LINE) / 2 : this.high, far = Math.max(words.length - 1, 1);
    const rises = words.map((_, j) => (j === asks ? 0.3 : 0.3 + (0.62 * Math.abs(j - asks)) / far) * high);
    [this.sky, this.ground].forEach((sheet, below) => {
      const lane = lanes[below];
      const size = lane ? high : 0;
      sheet.setAttribute("viewBox", `0 0 ${wide} ${size}`);
      sheet.style.height = `${size}px`;
      while (sheet.children.length > words.length) sheet.lastChild.remove();
      while (sheet.children.length < words.length) sheet.append(svg("path"));
      [...sheet.children].forEach((path, j) => {
        const weight = lane?.weights[j] ?? 0, base = below ? 3 : size - 3, up = below ? 1 : -1;
        // They leave side by side; the one that comes back is a loop.
        const own = j === asks ? 1 : 0, lean = 22 * own;
        const x1 = centre(asks) + 5 * (j - asks) - 7 * own, x2 = centre(j) + 7 * own;
        const top = base + up * (4 / 3) * (rises[j] - 3);
        path.setAttribute("d", `M${x1} ${base}C${x1 - lean} ${top} ${x2 + lean} ${top} ${x2} ${base}`);
        path.style.strokeWidth = weight ? Math.max(1, 12 * weight).toFixed(2) : 0;
        path.style.stroke = lane ? `var(--${lane.role})` : "none";
      });
    });
  }
}
