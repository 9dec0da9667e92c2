// What a reader practises with: a clock, and the questions of an interview. Both work
// without a server; what is known is kept in this browser alone.

const make = (tag, fields = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...children);
  return element;
};

// A clock that counts up to what an interview leaves.

customElements.define("book-clock", class extends HTMLElement {
  connectedCallback() {
    this.limit = 60 * Number(this.dataset.minutes);
    this.passed = 0;
    this.face = make("output", { className: "face" });
    this.face.setAttribute("aria-live", "off");
    this.said = make("span", { className: "visually-hidden" });
    this.said.setAttribute("role", "status");
    this.run = make("button", { type: "button", onclick: () => this.toggle() });
    this.again = make("button", { type: "button", textContent: "Start over", onclick: () => this.reset() });
    this.replaceChildren(this.face, this.run, this.again, this.said);
    this.show();
  }
  toggle() {
    if (this.timer) { this.stop(); return }
    this.began = Date.now() - 1000 * this.passed;
    this.timer = setInterval(() => this.tick(), 250);
    this.show();
  }
  tick() {
    const before = this.passed;
    this.passed = Math.floor((Date.now() - this.began) / 1000);
    if (before < this.limit && this.passed >= this.limit) this.said.textContent = "Time is up. Say what is still missing.";
    this.show();
  }
  stop() { clearInterval(this.timer); this.timer = null; this.show() }
  reset() { this.stop(); this.passed = 0; this.said.textContent = ""; this.show() }
  show() {
    const digits = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.face.textContent = `${digits(this.passed)} of ${digits(this.limit)}`;
    this.toggleAttribute("data-late", this.passed >= this.limit);
    this.run.textContent = this.timer ? "Pause" : this.passed ? "Go on" : "Start the clock";
  }
});

// The questions: open all, shuffle, mark as known, a link to each.

const KNOWN = "questions known";
const remembered = () => {
  try { return new Set(JSON.parse(localStorage.getItem(KNOWN)) ?? []) } catch { return new Set() }
};

customElements.define("book-questions", class extends HTMLElement {
  connectedCallback() {
    // The element comes before what it is about: wait until the page has been read.
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => this.set());
    else this.set();
  }
  set() {
    this.known = remembered();
    this.all = [...document.querySelectorAll("details.question")];
    if (!this.all.length) return;
    this.places = this.all.map((question) => [question.parentElement, question.nextSibling]);
    this.told = make("span");
    this.told.setAttribute("role", "status");
    this.opener = make("button", { type: "button", textContent: "Open all", onclick: () => this.openAll() });
    this.shuffler = make("button", { type: "button", textContent: "Shuffle", onclick: () => this.shuffle() });
    this.hider = make("button", { type: "button", textContent: "Hide known", onclick: () => this.hide() });
    this.hider.setAttribute("aria-pressed", "false");
    this.replaceChildren(this.opener, this.shuffler, this.hider, this.told);
    for (const question of this.all) this.equip(question);
    this.show();
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }
  equip(question) {
    const name = question.querySelector("summary").textContent.trim();
    const known = make("button", { type: "button", textContent: "I know this", onclick: () => this.mark(question) });
    known.setAttribute("aria-label", `I know this: ${name}`);
    const link = make("a", { href: `#${question.id}`, textContent: "Link" });
    link.setAttribute("aria-label", `Link to this question: ${name}`);
    question.append(make("p", { className: "of-question" }, known, " ", link));
  }
  mark(question) {
    if (!this.known.delete(question.id)) this.known.add(question.id);
    try { localStorage.setItem(KNOWN, JSON.stringify([...this.known])) } catch {}
    this.show();
  }
  openAll() {
    const open = this.all.some((question) => !question.open);
    for (const question of this.all) question.open = open;
    this.show();
  }
  shuffle() {
    const shuffled = this.shuffler.getAttribute("aria-pressed") === "true";
    if (shuffled) {
      for (const [k, question] of [...this.all.entries()].reverse()) this.places[k][0].insertBefore(question, this.places[k][1]);
      this.box?.remove();
    } else {
      const order = [...this.all];
      for (let k = order.length - 1; k > 0; k--) {
        const other = Math.floor(Math.random() * (k + 1));
        [order[k], order[other]] = [order[other], order[k]];
      }
      this.box = make("div", { className: "shuffled" }, ...order);
      this.after(this.box);
    }
    this.shuffler.setAttribute("aria-pressed", String(!shuffled));
    document.documentElement.toggleAttribute("data-shuffled", !shuffled);
  }
  hide() {
    const hiding = this.hider.getAttribute("aria-pressed") !== "true";
    this.hider.setAttribute("aria-pressed", String(hiding));
    this.show();
  }
  follow() {
    const asked = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!asked || !asked.matches("details.question")) return;
    asked.open = true;
    asked.hidden = false;
    asked.scrollIntoView();
  }
  show() {
    const hiding = this.hider.getAttribute("aria-pressed") === "true";
    for (const question of this.all) {
      const known = this.known.has(question.id);
      question.toggleAttribute("data-known", known);
      question.querySelector(".of-question button").setAttribute("aria-pressed", String(known));
      question.hidden = hiding && known;
    }
    const count = this.all.filter((question) => this.known.has(question.id)).length;
    this.told.textContent = `${count} of ${this.all.length} known`;
    this.opener.textContent = this.all.every((question) => question.open) ? "Close all" : "Open all";
  }
});
