// A figure is {start, compute, build, says}: the state it starts with; the numbers of a
// state, which depend on nothing else; what is put on the page, once, which gives back a
// function that shows a state; and the state in words.
const FIGURES = {};

class BookFigure extends HTMLElement {
  connectedCallback() {
    const stage = this.querySelector(".figure-stage");
    if (this.state || !stage) return;
    this.figure = FIGURES[this.getAttribute("name")];
    this.state = this.start();
    this.says = make("p", { class: "figure-says", "aria-hidden": true });
    this.status = make("p", { class: "figure-status", role: "status" });
    const { nodes, show } = this.figure.build(this);
    this.draw = show;
    this.show(this.state);
    say(this.status, this.says.textContent); // there to be read, before it is heard
    const said = nodes.includes(this.says) ? [] : [this.says];
    stage.replaceChildren(...nodes, ...said, this.status);
    this.classList.add("figure-ready");
    this.show(this.state); // again, now that it is known how wide it is
  }

  // What the reader has done holds.
  change(part) {
    this.peeked = null;
    this.state = { ...this.state, ...part };
    this.show(this.state);
    this.tell();
  }
  // What the mouse points at is shown as long as it does.
  peek(part) {
    if (!part && !this.peeked) return;
    this.peeked = part;
    this.show({ ...this.state, ...part });
  }
  // As it starts here: a page may ask for a state, as in start="masked".
  start() {
    const asked = this.getAttribute("start")?.split(" ") ?? [];
    return { ...this.figure.start(), ...Object.fromEntries(asked.map((name) => [name, true])) };
  }
  reset() { this.change(this.start()) }
  show(state) {
    const numbers = this.figure.compute(state);
    this.draw(state, numbers);
    say(this.says, this.figure.says(state, numbers));
  }
  // A screen reader hears where it came to rest, not every number on the way.
  tell() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => say(this.status, this.says.textContent), 600);
  }

  // For tests: the numbers of a figure in a state, without any page.
  static compute(name, part = {}) {
    return FIGURES[name].compute({ ...FIGURES[name].start(), ...part });
  }
}
