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
  const node = make("label", { class: "figure-slider" }, make("span", {}, label), input, shown);
  input.addEventListener("input", () => act(+input.value));
  node.set = (value, text) => {
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    say(shown, text);
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

// A matrix as a table whose cells are tinted by their numbers. `role` is its letter, and
// so its colour. `point(i, j, held)` makes its cells answer to mouse, finger and keys;
// `edit(i, j, value)` lets whole numbers from -9 to 9 be dragged.
class Matrix {
  constructor({ name, role, rows = [], columns, label = name, point, edit, write = written }) {
    this.write = write;
    this.heads = rows.map((text) => make("th", { scope: "row" }, text));
    this.cells = rows.map((_, i) => columns.map((_, j) => (edit ? this.dragged(i, j, edit, `${label}, ${rows[i]} to ${columns[j]}`) : make("td"))));
    this.tops = columns.map((text) => make("th", { scope: "col" }, text));
    this.node = make("table", { class: "figure-matrix", style: `--role: var(--${role})`, ...(point ? { role: "grid" } : {}), "aria-label": label },
      make("caption", {}, name),
      make("thead", {}, make("tr", {}, make("td"), ...this.tops)),
      make("tbody", {}, ...rows.map((_, i) => make("tr", {}, this.heads[i], ...this.cells[i]))));
    if (point) this.pointed(point, columns.length);
    if (edit) roam(this.flat().map((cell) => cell.firstChild), columns.length, (event, k) => this.turned(event, k, columns.length, edit));
  }
  flat() { return this.cells.flat() }

  pointed(point, columns) {
    const at = (k) => [Math.floor(k / columns), k % columns];
    this.flat().forEach((cell, k) => {
      cell.addEventListener("focus", () => point(...at(k), true));
      cell.addEventListener("click", () => cell.focus());
      cell.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && point(...at(k), false));
    });
    this.node.addEventListener("pointerleave", () => point());
    roam(this.flat(), columns);
  }

  dragged(i, j, edit, label) {
    const knob = make("span", { role: "spinbutton", "aria-valuemin": -9, "aria-valuemax": 9, "aria-label": label });
    let start = null;
    knob.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, value: +knob.getAttribute("aria-valuenow") };
      knob.setPointerCapture(event.pointerId);
      knob.focus();
    });
    knob.addEventListener("pointermove", (event) => start && this.change(edit, i, j, start.value + Math.round((event.clientX - start.x) / 14)));
    for (const end of ["pointerup", "pointercancel"]) knob.addEventListener(end, () => { start = null });
    return make("td", { class: "figure-knob" }, knob);
  }
  turned(event, k, columns, edit) {
    const step = { ArrowUp: 1, ArrowDown: -1, "+": 1, "-": -1 }[event.key];
    if (!step) return false;
    const i = Math.floor(k / columns), j = k % columns;
    this.change(edit, i, j, this.values[i][j] + step);
    return true;
  }
  change(edit, i, j, value) {
    const kept = Math.min(Math.max(value, -9), 9);
    if (kept !== this.values[i][j]) edit(i, j, kept);
  }

  // `lit(i, j)` is true, or a class, where a cell stands out; `top` is the fullest tint.
  show(values, { lit = () => false, top, rows } = {}) {
    this.values = values;
    const full = top ?? (largest(values.flat().map(Math.abs)) || 1);
    rows?.forEach((text, i) => say(this.heads[i], text));
    this.cells.forEach((cells, i) => cells.forEach((cell, j) => {
      const tinted = BOOK.tint[0] + (BOOK.tint[1] - BOOK.tint[0]) * Math.min(Math.abs(values[i][j]) / full, 1);
      cell.style.setProperty("--tint", `${(100 * tinted).toFixed(1)}%`);
      const shown = cell.firstChild?.nodeType === 1 ? cell.firstChild : cell;
      say(shown, this.write(values[i][j]));
      if (shown !== cell) shown.setAttribute("aria-valuenow", values[i][j]);
      const on = lit(i, j);
      cell.className = [shown === cell ? "" : "figure-knob", on === true ? "lit" : on || ""].join(" ").trim();
    }));
  }
}

// A sentence. One word asks: arcs lead from it to all words, as thick as the weights. A
// lane is {weights, role, name}: the first bends above the words, the second below.
class Sentence {
  constructor({ legend = "The word that asks", ask, peek, move }) {
    this.words = [];
    this.calls = { ask, peek, move };
    this.sky = svg("svg", { class: "arcs", "aria-hidden": true });
    this.ground = svg("svg", { class: "arcs", "aria-hidden": true });
    this.line = make("div", { class: "words", role: "radiogroup", "aria-label": legend });
    this.node = make("div", { class: "figure-sentence" }, this.sky, this.line, this.ground);
    if (peek) this.line.addEventListener("pointerleave", () => peek(null));
    new ResizeObserver(() => this.shown && this.draw()).observe(this.node);
  }

  lay(words) {
    const name = fresh();
    this.places = words.map((_, j) => {
      const input = make("input", { type: "radio", name, value: j });
      input.addEventListener("click", () => this.calls.ask(j)); // by keyboard, too
      const place = { input, word: make("b"), above: make("i"), below: make("i") };
      place.node = make("label", {}, input, place.above, place.word, place.below);
      place.node.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && !event.buttons && this.calls.peek?.(j));
      if (this.calls.move) this.movable(place.node);
      return place;
    });
    this.line.replaceChildren(...this.places.map((place) => place.node));
  }

  // A word that is dragged changes places with the one that it comes over.
  movable(node) {
    const place = () => this.places.findIndex((other) => other.node === node);
    let held = null;
    node.addEventListener("pointerdown", (event) => {
      held = { from: place(), moved: false };
      node.setPointerCapture(event.pointerId);
    });
    node.addEventListener("pointermove", (event) => {
      if (!held) return;
      const box = this.line.getBoundingClientRect();
      const over = Math.floor((event.clientX - box.left) / (box.width / this.places.length));
      const to = Math.min(Math.max(over, 0), this.places.length - 1);
      if (to !== held.from) {
        this.calls.move(held.from, to);
        held = { from: to, moved: true };
      }
    });
    node.addEventListener("pointerup", () => { held = null });
    node.addEventListener("pointercancel", () => { held = null });
  }

  show(words, asks, lanes) {
    if (words.length !== this.places?.length) this.lay(words);
    this.shown = { words, asks, lanes };
    this.places.forEach((place, j) => {
      say(place.word, words[j]);
      place.input.checked = j === asks;
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
    const high = lanes.length > 1 ? 84 : 112, far = Math.max(words.length - 1, 1);
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
