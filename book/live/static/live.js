// The page that answers: write, check, hint, watch, in the page itself. Nothing is fetched
// before the reader opens an exercise; what is written never leaves the browser.
(() => {
  "use strict";
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const fromFiles = location.protocol === "file:";
  const chapter = decodeURIComponent(location.pathname.split("/").pop()).replace(/\.html$/, "");
  // How long a reader's cell may run; how much longer Python has to end it by itself; how
  // large its memory may be left; bytes of a notebook that is brought back.
  const limits = { seconds: 10, patience: 15, memory: 512 * 2 ** 20, notebook: 20e6 };
  const packages = ["numpy"];
  const CORE = ["pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];
  const KEYS = ["\t", "(", ")", "[", "]", ":", "=", "@", "*", "/", "-", "_", "."];

  const make = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const button = (label, act, kind = "") => {
    const node = make("button", { type: "button", ...(kind && { class: kind }) }, label);
    node.addEventListener("click", act);
    return node;
  };

  // What goes wrong is told in a sentence of its own.
  class Trouble extends Error {}
  const sentence = (error) => error instanceof Trouble ? error.message : `This page made a mistake (${error.message}).`;

  // --- What is kept -------------------------------------------------------------------
  // One entry of the browser's storage: texts and the texts before them by exercise, what
  // is solved, and who may see a solution. Each change is made to what is there now: another
  // tab may have written meanwhile. From the file system, any other page may have, too:
  // what is of another kind is left out.

  const SHELF = "attention-by-writing/1";
  const PARTS = { texts: "string", before: "string", solved: "string", tried: "boolean" };
  const entries = (part) => part && typeof part === "object" ? Object.entries(part) : [];
  const sound = (all) => Object.fromEntries(Object.entries(PARTS).map(([part, kind]) =>
    [part, Object.fromEntries(entries(all?.[part]).filter(([, value]) => typeof value === kind))]));
  let inMemory = null; // where the browser keeps nothing, or nothing more
  const shelf = {
    read() {
      if (inMemory) return inMemory;
      let text = null;
      try { text = localStorage.getItem(SHELF) } catch { return (inMemory = sound()) }
      try { return sound(JSON.parse(text)) } catch {}
      try { localStorage.setItem(`${SHELF}/unread`, text) } catch {}
      return sound();
    },
    get(part, name) { return this.read()[part][name] },
    set(part, name, value) {
      const all = this.read();
      all[part][name] = value;
      if (value === undefined) delete all[part][name];
      if (inMemory) return;
      try { localStorage.setItem(SHELF, JSON.stringify(all)) }
      catch {
        inMemory = all;
        for (const line of document.querySelectorAll(".live-kept")) line.textContent = this.promise;
      }
    },
    get promise() {
      this.read();
      return inMemory ? "This browser does not keep what you write: take it along." : "What you write stays in this browser.";
    },
  };

  // --- Files --------------------------------------------------------------------------
  // From the file system nothing can be fetched, but scripts load: each file lies there
  // as a script that holds it.

  window.LIVE = {};
  const scripts = new Map();
  const script = (address) => {
    if (!scripts.has(address)) scripts.set(address, new Promise((resolve, reject) => {
      const node = make("script", { src: here + address });
      node.onload = resolve;
      node.onerror = () => { scripts.delete(address); node.remove(); reject(new Trouble(`A part of this page could not be loaded (${address}).`)) };
      document.head.append(node);
    }));
    return scripts.get(address);
  };
  async function held(name) {
    await script(`file/${name}.js`);
    const packed = await fetch(`data:application/octet-stream;base64,${LIVE[name]}`);
    delete LIVE[name];
    scripts.delete(`file/${name}.js`);
    const stream = packed.body.pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }
  const known = async () => { await script(`chapters/${chapter}.js`); return LIVE[`${chapter}.js`] };

  // --- Python -------------------------------------------------------------------------

  let worker = null, starting = null, number = 0, generation = 0;
  const waiting = new Map();
  const post = (message) => new Promise((resolve) => {
    waiting.set(++number, resolve);
    worker.postMessage({ ...message, id: number });
  });
  const settle = (answer) => {
    for (const resolve of waiting.values()) resolve(answer);
    waiting.clear();
  };
  function stop(said) {
    worker?.terminate();
    worker = starting = null;
    generation++; // what ran before ran in another Python
    settle({ ended: said });
  }
  function start(tell) {
    starting ??= boot(tell).catch((error) => {
      stop("Python could not be started.");
      throw error instanceof Trouble ? error
        : new Trouble(`Python could not be started in this browser (${error.message}). JupyterLab can go on with what you wrote.`);
    });
    return starting;
  }
  async function boot(tell) {
    tell(`Fetching Python: 9 MB, the first time …`);
    const wheel = JSON.parse(document.querySelector("#live-packages").textContent);
    const given = { base: here, packages, chapter, solved: shelf.read().solved };
    let parts;
    if (fromFiles) {
      const names = [...CORE, wheel, "app.zip", `${chapter}.zip`, "worker.js"];
      const files = Object.fromEntries(await Promise.all(names.map(async (n) => [n, await held(n)])));
      given.files = files;
      parts = [files["pyodide.js"], "\n", files["pyodide.asm.js"], "\n", files["worker.js"]];
    } else {
      parts = [`importScripts(${JSON.stringify(`${here}pyodide/pyodide.js`)}, ${JSON.stringify(`${here}worker.js`)})`];
    }
    // A worker made of a blob is under the page's own policy: it can ask nobody else.
    const address = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
    worker = new Worker(address);
    let ready = false; // from there on, a reader's code could say something, too
    worker.onmessage = ({ data }) => {
      if (data.said) return ready || tell(data.said);
      waiting.get(data.id)?.(data);
      waiting.delete(data.id);
    };
    worker.onerror = (event) => settle({ failed: event.message || "the worker could not be started" });
    const answer = await post({ boot: given });
    URL.revokeObjectURL(address);
    if (!answer.ready) throw new Error(answer.failed ?? answer.ended);
    ready = true;
  }
  async function ask(message) {
    const end = setTimeout(
      () => stop("It had not come to an end, and Python was ended with it. Is there a loop that does not end? What you wrote is kept."),
      1000 * (limits.seconds + limits.patience));
    const answer = await post({ ...message, seconds: limits.seconds });
    clearTimeout(end);
    // What ran away with the memory would leave little for the next one.
    if (answer.memory > limits.memory) stop("");
    return answer;
  }

  // --- What is shown ------------------------------------------------------------------
  // HTML that comes out of Python is taken apart: what could act, load or reach beyond
  // its own place is left out.

  const PLAIN = new Set(("a abbr b br caption code col colgroup dd del div dl dt em figcaption figure h3 h4 h5 hr i ins kbd li mark ol p pre q s samp " +
    "small span strong sub sup table tbody td tfoot th thead tr u ul var svg g path rect circle line polyline polygon text title").split(" "));
  const SAFE = new Set(("class style title role scope colspan rowspan aria-label aria-hidden viewbox width height d x y x1 x2 y1 y2 cx cy r rx ry points " +
    "fill stroke stroke-width text-anchor font-size transform opacity").split(" "));
  const ASKS = /url\(|image-set\(|src\(|\\/i; // what a style may load, or hide behind a backslash
  // Browsers leave out what stands in an address by mistake, or to hide it: they are asked.
  const leadsHere = (address) => {
    try {
      const { protocol, host } = new URL(address, location);
      return protocol === location.protocol && host === location.host;
    } catch { return false }
  };
  function harmless(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const node of [...page.body.querySelectorAll("*")]) {
      if (!PLAIN.has(node.localName)) { ["script", "style", "template"].includes(node.localName) ? node.remove() : node.replaceWith(...node.childNodes); continue }
      for (const { name, value } of [...node.attributes]) {
        const link = name === "href" && node.localName === "a" && leadsHere(value);
        if (!link && (!SAFE.has(name.toLowerCase()) || ASKS.test(value) || (name === "role" && value !== "img"))) node.removeAttribute(name);
      }
    }
    return [...page.body.childNodes];
  }
  const played = (clip) => {
    const place = make("div");
    BookScene.mount(place, clip);
    return place;
  };
  function seen(answer) {
    const nodes = [];
    for (const { html, clip } of answer.shown ?? []) nodes.push(...(clip ? [played(clip)] : harmless(html)));
    if (answer.failed) nodes.push(make("p", {}, `Python failed here (${answer.failed}).`));
    if (answer.printed) nodes.push(make("pre", {}, answer.printed));
    if (answer.error) nodes.push(make("pre", { class: "live-error" }, answer.error));
    if (answer.ended) nodes.push(make("p", {}, answer.ended));
    return nodes;
  }

  // --- The cells of the page ----------------------------------------------------------

  const boxes = new Map(); // the index of a cell -> its editor's box, once it is open
  const ran = new Map(); // the index of a cell -> what ran in this Python, and in which
  const key = (cell) => cell.name && cell.kind === "exercise" ? cell.name : `${chapter}: ${cell.source}`;
  const text = (cell) => boxes.get(cell.index)?.text ?? shelf.get("texts", key(cell)) ?? cell.source;
  const named = (cell) => ({ name: cell.kind === "exercise" ? `your ${cell.name}` : `cell ${cell.index + 1}`, source: text(cell) });

  // What has to run before a cell: all above it that has not run as it stands now.
  function above(cells, target) {
    const stale = cells.filter((cell) => cell.index < target.index && !cell.lacks
      && (cell.kind === "plain" || cell.kind === "exercise") && ran.get(cell.index) !== `${generation} ${text(cell)}`);
    for (const cell of stale) ran.set(cell.index, `${generation} ${text(cell)}`);
    return stale.map(named);
  }

  // An editor in the place of a cell's code.
  class Box {
    constructor(cell, code, { label, run, changed }) {
      Object.assign(this, { cell, code, label, run, changed });
    }
    get text() { return this.editor?.text ?? shelf.get("texts", key(this.cell)) ?? this.cell.source }
    async open() {
      this.opening ??= this.build().catch((error) => { this.opening = null; throw error });
      return this.opening;
    }
    async build() {
      await script("editor.js");
      const place = this.place = make("div", { class: "live-editor" });
      const leave = make("p", { class: "live-leave", id: `leave-${this.cell.index}` },
        "Shift+Enter runs it. Escape, then Tab leaves the editor.");
      this.editor = makeEditor(place, this.text, {
        label: this.label, told: leave.id, run: this.run,
        changed: (text) => { shelf.set("texts", key(this.cell), text); this.changed?.(text) },
        complete: (context) => this.complete(context),
      });
      const keys = make("div", { class: "live-keys", role: "group", "aria-label": "Keys" },
        ...KEYS.map((k) => { const b = button(k === "\t" ? "⇥" : k, () => this.editor.type(k)); if (k === "\t") b.setAttribute("aria-label", "Tab"); return b }));
      this.code.replaceWith(place, keys, leave);
      boxes.set(this.cell.index, this);
    }
    async complete(context) {
      const word = context.matchBefore(/[\w.]+/);
      if (!worker || waiting.size || !word || (word.to - word.from < 2 && !context.explicit)) return null;
      const { names } = await post({ complete: word.text });
      const start = word.text.lastIndexOf(".") + 1, typed = word.text.slice(start);
      const options = (names ?? []).map((n) => ({ label: n.slice(n.lastIndexOf(".") + 1) })).filter(({ label }) => label !== typed);
      // Python takes its time: who has gone on to a button is shown nothing over it.
      if (!options.length || !this.place.contains(document.activeElement)) return null;
      return { from: word.from + start, options, validFor: /^\w*$/ };
    }
  }

  // --- An exercise --------------------------------------------------------------------

  const ACTS = ["Check", "Hint", "Watch mine", "Start over", "Solution"];

  class Exercise {
    constructor(section) {
      this.section = section;
      this.name = section.dataset.exercise;
      this.told = section.querySelector('[role="status"]');
      this.answer = section.querySelector(".solution");
      this.code = section.querySelector(".cell_input");
      this.can = section.dataset.state !== "unavailable";
      this.buttons = new Map();
      const bar = this.bar = make("div", { class: "live-bar" });
      const acts = { Check: () => this.check(), Hint: () => this.hint(), "Watch mine": () => this.watch(), "Start over": () => this.startOver(), Solution: () => this.solve() };
      for (const label of ACTS) {
        if (label === "Solution" ? !this.answer : !this.can) continue;
        if (label === "Watch mine" && !section.dataset.scene) continue;
        const node = button(label, () => this.trying(acts[label]), label === "Check" ? "first" : "");
        this.buttons.set(label, node);
        bar.append(node);
      }
      this.stopper = button("Stop", () => stop("Stopped. What you wrote is kept."));
      this.stopper.hidden = true;
      if (this.can) {
        const open = () => this.trying(() => this.open(true));
        this.opener = button("Write it here", open, "first");
        bar.prepend(this.opener);
        this.code.addEventListener("click", (event) => event.target.closest("button") || open());
      }
      bar.append(this.stopper);
      this.old = make("p", { class: "live-old", hidden: "" }, "You have changed it since. Check again.");
      this.told.before(bar, this.old);
      this.keep();
      const written = shelf.get("texts", this.name);
      if (!this.can || written === undefined) return;
      this.code.querySelector("pre").textContent = written; // until its editor is there
      this.trying(() => this.open(false));
    }
    // Whatever a reader asks for may want a file that does not come.
    async trying(act) {
      try { await act() }
      catch (error) {
        this.state = "unavailable";
        this.say(`${sentence(error)} What you wrote is still here. `, button("Try again", () => this.trying(act)));
      }
    }
    set state(state) { this.section.dataset.state = state }
    get state() { return this.section.dataset.state }
    say(...nodes) { this.told.replaceChildren(...nodes) }
    // What a reader's own act is answered by stays, while Python goes on starting.
    reply(...nodes) {
      if (this.state === "starting") this.state = "idle";
      this.say(...nodes);
    }
    // What is said of an answer stands below the buttons: on a phone that may be out of sight.
    show() {
      const end = window.visualViewport?.height ?? innerHeight, { top } = this.told.getBoundingClientRect();
      if (top < 0 || top > end - 120) this.bar.scrollIntoView({ block: "center" });
    }

    // Opening.
    async open(byReader) {
      const all = await known();
      this.cell ??= all.cells.find((cell) => cell.index === Number(this.section.dataset.cell));
      this.box ??= new Box(this.cell, this.code, {
        label: `Your ${this.name}`, run: () => this.trying(() => this.check()),
        changed: () => this.aged(),
      });
      await this.box.open();
      this.opener?.remove();
      if (this.state === "unavailable") { this.state = "idle"; this.say() }
      if (!byReader) return;
      this.box.editor.focus();
      if (!worker && !this.busy) await this.begin();
    }
    async begin() { // so that Python is there when the function is written
      this.state = "starting";
      await start((said) => this.state === "starting" && this.say(said));
      if (this.state === "starting") { this.state = "idle"; this.say("Python is ready.") }
    }

    // Asking Python.
    async act(kind, target, more = {}) {
      if (this.busy) return null;
      this.busy = true;
      for (const node of this.buttons.values()) node.disabled = true;
      try {
        const { cells } = await known();
        await this.open(false);
        [this.asked, this.judgedText] = [this.box.text, undefined];
        this.aged();
        if (!worker) this.state = "starting";
        await start((said) => this.say(said));
        this.state = "running";
        this.stopper.hidden = false;
        this.say("Running …");
        return await ask({ kind, before: above(cells, target ?? this.cell), cell: named(target ?? this.cell), ...more });
      } finally {
        this.busy = false;
        this.stopper.hidden = true;
        for (const node of this.buttons.values()) node.disabled = false;
      }
    }
    async check() {
      const answer = await this.act("check", null, { function: this.name });
      if (!answer) return;
      this.judged(answer);
      this.say(...seen(answer));
      this.show();
      if (answer.solved) { shelf.set("solved", this.name, this.asked); light() }
      this.judgedText = this.asked;
      this.aged();
    }
    // A verdict is of a text: where that has changed since, the page says so.
    aged() {
      const old = this.judgedText !== undefined && this.judgedText !== this.box.text;
      this.old.hidden = !old;
      if (!this.busy && (old || this.judgedText === undefined) && ["right", "wrong", "unwritten"].includes(this.state)) this.state = "idle";
    }
    judged({ passed, failed, ended }) {
      this.state = failed !== undefined || ended ? "wrong" : passed ? "right" : passed === null ? "unwritten" : "wrong";
      if (this.state === "wrong") shelf.set("tried", this.name, true);
    }
    async hint() {
      const answer = await this.act("hint", null, { function: this.name });
      if (!answer) return;
      this.state = answer.error || answer.ended ? "wrong" : "idle";
      this.say(...seen(answer));
      this.show();
      if (answer.last) shelf.set("tried", this.name, true);
    }
    async watch() {
      const { cells } = await known();
      const scene = cells.find((cell) => cell.index === Number(this.section.dataset.scene));
      const answer = await this.act("run", scene);
      if (!answer) return;
      this.state = answer.error || answer.ended ? "wrong" : "idle";
      if (answer.error || answer.ended) return this.say(...seen(answer));
      const place = document.querySelector(`#cell-${scene.index} .cell_output`);
      place.classList.add("live-played");
      place.replaceChildren(...seen(answer));
      place.scrollIntoView({ block: "center" });
      this.say("It plays below, with your function.");
      place.dispatchEvent(new CustomEvent("played", { bubbles: true }));
    }
    async startOver() {
      await this.open(false);
      const written = this.box.text;
      if (written !== this.cell.source) shelf.set("before", this.name, written);
      this.box.editor.text = this.cell.source;
      this.judgedText = undefined;
      this.aged();
      this.state = "idle";
      this.reply(make("p", {}, "The stub is back. ", this.before([this])));
    }
    // Put back, in some exercises, the texts before those that stand there.
    before(exercises) {
      const kept = exercises.map((one) => [one, shelf.get("before", one.name)]).filter(([, text]) => text !== undefined);
      if (!kept.length) return "";
      return button("Bring back what stood here", () => {
        for (const [one, text] of kept) one.replace(text);
        this.reply("It is back.");
      });
    }
    // True where another text of the reader's was put aside.
    replace(text) {
      const written = this.box.text, own = written !== this.cell.source && written !== text;
      if (own) shelf.set("before", this.name, written);
      this.box.editor.text = text;
      return own;
    }
    solve() {
      if (this.can && !shelf.get("tried", this.name) && this.state !== "right")
        return this.reply("Try once first: the solution opens after a wrong answer, or after the last hint.");
      this.answer.hidden = !this.answer.hidden;
      this.buttons.get("Solution").setAttribute("aria-expanded", String(!this.answer.hidden));
    }

    // Taking it along.
    keep() {
      if (!this.can) return;
      const file = make("input", { type: "file", accept: ".ipynb", hidden: "", "aria-label": "A notebook to bring back" });
      file.addEventListener("change", () => { const [one] = file.files; if (one) this.trying(() => this.bringBack(one)); file.value = "" });
      const line = make("p", { class: "live-keep" },
        make("span", { class: "live-kept" }, shelf.promise), " ",
        button("Download what I wrote", () => this.trying(download)), " ",
        button("Bring a notebook back", () => file.click()), file);
      this.told.after(line);
    }
    async bringBack(file) {
      if (file.size > limits.notebook) return this.reply(`${file.name} is too large for a notebook of this page: ${Math.round(file.size / 1e6)} MB.`);
      let sources;
      try { sources = codeOf(JSON.parse(await file.text())) }
      catch { return this.reply(`${file.name} cannot be read as a notebook. It ends in .ipynb, and was downloaded here or saved in JupyterLab.`) }
      const { found, aside } = await bring(sources);
      if (!found.length) return this.reply(`${file.name} holds none of this page's functions.`);
      this.reply(make("p", {}, `Taken from ${file.name}: ${found.map((one) => one.name).join(", ")}. `, this.before(aside)));
    }
  }

  // The chapter's notebook with what the reader wrote.
  async function notebook() {
    const all = await known();
    const copy = structuredClone(all.notebook);
    for (const cell of all.cells) copy.cells[cell.index].source = text(cell);
    return copy;
  }
  async function download() {
    const data = new Blob([JSON.stringify(await notebook(), null, 1)], { type: "application/x-ipynb+json" });
    const link = make("a", { href: URL.createObjectURL(data), download: `${chapter}.ipynb` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
  // A notebook comes from anywhere: what is taken of it is text.
  const codeOf = ({ cells }) => cells.filter((cell) => cell?.cell_type === "code").map(({ source }) => [source].flat().join(""));
  async function bring(sources) {
    const found = [], aside = [];
    for (const exercise of exercises) {
      const source = sources.find((source) => new RegExp(`^(?:def|class) ${exercise.name}\\b`, "m").test(source));
      if (!source || !exercise.can) continue;
      await exercise.open(false);
      if (exercise.replace(source)) aside.push(exercise);
      found.push(exercise);
    }
    return { found, aside };
  }

  // --- The other cells ----------------------------------------------------------------

  const NAMES = { torch: "PyTorch", matplotlib: "Matplotlib" };
  class Other {
    constructor(node) {
      this.node = node;
      this.code = node.querySelector(":scope > .cell_input");
      if (!this.code) return;
      this.button = button("Run", () => this.run(), "run");
      this.button.setAttribute("aria-label", "Run this cell in the page");
      this.code.append(this.button);
    }
    async open() {
      const { cells } = await known();
      this.cell ??= cells.find((one) => `cell-${one.index}` === this.node.id);
      this.box ??= new Box(this.cell, this.code, { label: `Cell ${this.cell.index + 1}`, run: () => this.run() });
      await this.box.open();
      if (this.bar) return cells;
      this.bar = make("div", { class: "live-bar" }, this.button,
        button("Start over", () => { this.box.editor.text = this.cell.source; shelf.set("texts", key(this.cell), undefined) }));
      this.node.querySelector(".live-leave").after(this.bar);
      return cells;
    }
    async run() {
      if (this.busy) return;
      this.busy = true;
      const out = this.node.querySelector(":scope > .cell_output") ?? this.node.appendChild(make("div", { class: "cell_output" }));
      out.setAttribute("role", "group");
      const say = (...nodes) => out.replaceChildren(make("div", { class: "output live-out" }, ...nodes));
      try {
        const cells = await this.open();
        await start((said) => say(said));
        say("Running …");
        const before = above(cells, this.cell);
        ran.set(this.cell.index, `${generation} ${text(this.cell)}`);
        say(...seen(await ask({ kind: "run", before, cell: named(this.cell) })));
      } catch (error) { say(`${sentence(error)} `, button("Try again", () => this.run())) }
      this.busy = false;
    }
  }

  // What is solved lights up in the drawings of the workflow.
  function light() {
    const { solved } = shelf.read();
    for (const box of document.querySelectorAll("[data-exercises]")) {
      const names = box.dataset.exercises.split(" ").filter(Boolean);
      const count = names.filter((name) => name in solved).length;
      box.toggleAttribute("data-solved", count > 0 && count === names.length);
      box.toggleAttribute("data-begun", count > 0 && count < names.length);
    }
  }

  const exercises = [...document.querySelectorAll("[data-exercise]")].map((section) => new Exercise(section));
  const others = [...document.querySelectorAll(".cell.runs")].map((node) => new Other(node)).filter((other) => other.code);
  // What a reader changed is what runs, so it is what is seen. Where it cannot be had now,
  // Run tells so.
  async function reopen() {
    if (!Object.keys(shelf.read().texts).some((one) => one.startsWith(`${chapter}: `))) return;
    const { cells } = await known();
    const changed = new Set(cells.filter((cell) => shelf.get("texts", key(cell)) !== undefined).map((cell) => `cell-${cell.index}`));
    await Promise.all(others.filter((other) => changed.has(other.node.id)).map((other) => other.open()));
  }
  reopen().catch(() => {});
  for (const node of document.querySelectorAll(".cell.lacks > .cell_input")) {
    const lacks = [...node.parentElement.classList].find((name) => name.startsWith("lacks-")).slice(6);
    node.append(make("span", { class: "live-lacks" }, `needs ${NAMES[lacks] ?? lacks}: in JupyterLab`));
  }
  light();
  window.live = { limits, exercises, notebook, harmless, python: { start, ask, stop } };
})();
