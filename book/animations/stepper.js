// The stepper: plays a clip as SVG, step by step or through, with the caption of each
// step as text. Nothing moves before it is asked to. A clip is plain data, made by
// book/animations/clip.py; its colours are roles, which the page's style gives a look.
// Without this script a scene is its still and the list of its captions.
// `BookScene.mount(element, data)` shows a clip in an element and returns the scene.
(() => {
  const TAG = "book-scene";
  const NS = "http://www.w3.org/2000/svg";
  const NARROW = 520; // pixels; below, a scene that has a second layout stands upright
  const ICONS = {
    previous: "M6 5h2v14H6zM19 5v14L9 12z",
    play: "M7 4v16l13-8z",
    pause: "M6 5h4v14H6zM14 5h4v14h-4z",
    next: "M5 5v14l10-7zM16 5h2v14h-2z",
  };
  const USUAL = {
    align: "center", alpha: 1, bend: 0, bold: 0, colour: "ink", column: [], dash: 0, faded: 0,
    line: "line", name: "", round: 0, row: [], size: 17, texts: [], thick: 2.1, turned: 0, wrong: [],
  };

  // Elements.

  const set = (node, attributes) => {
    for (const key in attributes) {
      const value = `${attributes[key]}`;
      if (node.getAttribute(key) !== value) node.setAttribute(key, value);
    }
    return node;
  };
  const make = (name, attributes = {}, ...children) => {
    const node = set(document.createElement(name), attributes);
    node.append(...children);
    return node;
  };
  const svg = (name, attributes = {}, ...children) => {
    const node = set(document.createElementNS(NS, name), attributes);
    node.append(...children);
    return node;
  };

  // Colours. A role is a custom property; a mixture is [one, other, share of the other].

  const role = (name) => `var(--${/^([A-Z]|head\d)$/.test(name) ? name : `stage-${name}`})`;
  const css = (colour) => {
    if (typeof colour === "string") return role(colour);
    const [one, other, share] = colour;
    return `color-mix(in srgb, ${css(other)} ${+(100 * share).toFixed(1)}%, ${css(one)})`;
  };
  const readable = (colour) => (typeof colour === "string" ? `var(--${colour}-on)` : role("ink"));
  const cellColour = (state) => (state.faded ? [state.colour, "pale", 0.6] : state.colour);
  const cellShare = (value, top) => {
    if (value === null) return null;
    if (typeof value === "string") return value === "nan" ? 0 : 1;
    return Math.min(Math.abs(value) / top, 1);
  };
  const fill = (state, share) => {
    if (share === null) return role("paper");
    return css(["paper", cellColour(state), state.texts ? 0.08 + 0.3 * share : share]);
  };

  // Numbers.

  const minus = (text) => text.replace("-", "−");
  const written = (value) => minus(Number.isInteger(value) ? `${value}` : value.toFixed(2));
  const textsOf = (state) => {
    const own = new Map(state.texts ?? []);
    return state.values.map((value, k) => (value === null || !state.texts ? null : own.get(k) ?? written(value)));
  };

  // What a thing looks like: `begin` makes its node, `update` gives it a state.

  const stroke = (state) => ({
    stroke: css(state.colour), "stroke-width": state.thick, fill: "none",
    ...(state.dash ? { "stroke-dasharray": `${2.9 * state.thick} ${1.8 * state.thick}` } : {}),
  });
  const LOOKS = {
    text: {
      begin: () => svg("text"),
      update: (node, s) => {
        set(node, {
          x: s.x, y: +(s.y + 0.36 * s.size).toFixed(2), "font-size": s.size,
          "text-anchor": { left: "start", center: "middle", right: "end" }[s.align],
          fill: s.on ? readable(s.on) : css(s.colour), "font-weight": s.bold ? 700 : 400,
        });
        if (node.textContent !== s.say) node.textContent = s.say;
      },
    },
    box: {
      begin: () => svg("rect"),
      update: (node, s) => set(node, {
        ...stroke({ ...s, colour: s.line }),
        x: s.x, y: s.y, width: Math.max(s.w, 0), height: Math.max(s.h, 0), rx: s.round,
        fill: s.fill ? css(s.fill) : "none", ...(s.thick ? {} : { stroke: "none" }),
      }),
    },
    line: {
      begin: () => svg("polyline", { "stroke-linecap": "round", "stroke-linejoin": "round" }),
      update: (node, s) => set(node, { ...stroke(s), points: s.xs.map((x, k) => `${x},${s.ys[k]}`).join(" ") }),
    },
    dot: {
      begin: () => svg("path"),
      update: (node, s) => {
        const r = s.size / 2;
        const { x, y } = s;
        const d = {
          o: `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0z`,
          s: `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
          X: `M${x - r},${y - r}L${x + r},${y + r}M${x - r},${y + r}L${x + r},${y - r}`,
        }[s.shape];
        set(node, { d, fill: css(s.colour), stroke: css(s.edge), "stroke-width": s.shape === "X" ? r : 1.4 });
      },
    },
    arrow: {
      begin: () => svg("g", {}, svg("path"), svg("path", { stroke: "none" })),
      update: (node, s) => {
        const cx = (s.x1 + s.x2) / 2 - s.bend * (s.y2 - s.y1);
        const cy = (s.y1 + s.y2) / 2 + s.bend * (s.x2 - s.x1);
        const length = Math.hypot(s.x2 - cx, s.y2 - cy) || 1;
        const ux = (s.x2 - cx) / length, uy = (s.y2 - cy) / length;
        const bx = s.x2 - 8.5 * ux, by = s.y2 - 8.5 * uy;
        set(node.firstChild, { ...stroke(s), d: `M${s.x1},${s.y1}Q${cx},${cy} ${bx},${by}` });
        set(node.lastChild, {
          fill: css(s.colour),
          d: `M${s.x2},${s.y2}L${bx - 4.6 * uy},${by + 4.6 * ux}L${bx + 4.6 * uy},${by - 4.6 * ux}z`,
        });
      },
    },
    arc: {
      begin: () => svg("path", { "stroke-linecap": "round" }),
      update: (node, s) => {
        const top = s.y - (4 / 3) * s.rise;
        set(node, { ...stroke(s), d: `M${s.x1},${s.y}C${s.x1},${top} ${s.x2},${top} ${s.x2},${s.y}` });
      },
    },
    shape: {
      begin: () => svg("polygon"),
      update: (node, s) => set(node, { fill: css(s.colour), points: s.xs.map((x, k) => `${x},${s.ys[k]}`).join(" ") }),
    },
    cells: {
      begin: () => svg("g"),
      update: (node, s) => {
        const count = s.rows * s.columns;
        while (node.children.length < 2 * count) node.append(svg(node.children.length < count ? "rect" : "text"));
        const parts = [...node.children];
        const texts = s.mixed?.texts ?? textsOf(s);
        for (let k = 0; k < count; k += 1) {
          const x = s.x + (k % s.columns) * s.w, y = s.y + Math.floor(k / s.columns) * s.h;
          const share = s.mixed ? s.mixed.shares[k] : cellShare(s.values[k], s.top);
          set(parts[k], {
            x, y, width: s.w, height: s.h, fill: fill(s, share), "data-cell": k,
            stroke: role("line"), "stroke-width": 1.1,
          });
          const text = texts[k] ?? "";
          set(parts[count + k], {
            x: x + s.w / 2, y: +(y + s.h / 2 + 0.36 * s.size).toFixed(2), "font-size": s.size,
            "text-anchor": "middle", fill: role(s.faded ? "quiet" : "ink"),
            opacity: s.mixed?.seen[k] ?? 1,
          });
          if (parts[count + k].textContent !== text) parts[count + k].textContent = text;
        }
      },
    },
  };

  // Between two states of a thing.

  const blend = (a, b, u) => {
    if (a === b || a === undefined || b === undefined) return b;
    if (typeof a === "number" && typeof b === "number") return a + (b - a) * u;
    return u < 0.5 ? a : b;
  };
  const blended = (a, b, u) => {
    const now = {};
    for (const key in b) {
      if (key === "xs" || key === "ys") {
        now[key] = b[key].map((v, k) => blend(a[key][k] ?? v, v, u));
      } else if (["colour", "line", "fill", "edge"].includes(key) && a[key] && b[key]) {
        now[key] = `${a[key]}` === `${b[key]}` ? b[key] : [a[key], b[key], u];
      } else now[key] = blend(a[key], b[key], u);
    }
    if (b.values) now.mixed = mixedCells(a, b, u);
    return now;
  };
  const mixedCells = (a, b, u) => {
    const from = textsOf(a), to = textsOf(b);
    return {
      texts: to.map((text, k) => (u < 0.5 ? from[k] ?? text : text ?? from[k])),
      seen: to.map((text, k) => (text === null ? 1 - u : from[k] === null || from[k] === undefined ? u : 1)),
      shares: b.values.map((value, k) => {
        const one = cellShare(a.values[k] ?? null, a.top), two = cellShare(value, b.top);
        return one === null && two === null ? null : (one ?? 0) + ((two ?? 0) - (one ?? 0)) * u;
      }),
    };
  };

  // A picture: one layout of a clip as SVG, at any moment.

  class Picture {
    constructor(layout, frames) {
      this.layout = layout;
      this.tracks = layout.tracks.map(([what, ...at]) => ({
        look: LOOKS[what], states: this.unfolded(at, frames), node: null, shown: null,
      }));
      this.node = svg("svg", { viewBox: `0 0 ${layout.width} ${layout.height}`, "aria-hidden": "true" });
    }

    // The state in every frame; null where the thing is not on the stage.
    unfolded(entries, frames) {
      const states = new Array(frames).fill(null);
      let state = USUAL;
      const at = entries.flatMap(this.single);
      at.forEach(([frame, changes], k) => {
        const end = at[k + 1]?.[0] ?? frames;
        if (changes) states.fill((state = { ...state, ...changes }), frame, end);
      });
      return states;
    }

    // An entry for many frames as an entry for each.
    single(entry) {
      if (entry.length < 3) return [entry];
      const [frame, count, lists] = entry;
      const changes = Object.entries(lists);
      return Array.from({ length: count }, (_, k) =>
        [frame + k, Object.fromEntries(changes.map(([key, list]) => [key, list[k]]))]);
    }

    // Show a moment between two frames: 3.25 is a quarter on the way from 3 to 4.
    show(moment) {
      const frame = Math.floor(moment), u = moment - frame;
      let below = null;
      for (const track of this.tracks) {
        const a = track.states[frame], b = u ? track.states[frame + 1] ?? null : a;
        const state = a && b && a !== b ? blended(a, b, u) : a ?? b;
        // What goes is gone before what comes is there: no text lies on another.
        const seen = a && b ? 1 : Math.max(a ? 1 - 2 * u : 2 * u - 1, 0);
        if (!state || seen === 0) {
          track.node?.remove();
          track.shown = null;
          continue;
        }
        if (!track.node) {
          track.node = track.look.begin();
          track.node.track = track;
        }
        if (track.shown !== state) track.look.update(track.node, state);
        track.shown = state;
        set(track.node, { opacity: +(seen * state.alpha).toFixed(3) });
        if (!track.node.parentNode) {
          if (below) below.after(track.node);
          else this.node.prepend(track.node);
        }
        below = track.node;
      }
    }

    // The matrices that can be read now.
    matrices() {
      return this.tracks.filter((track) => track.shown?.values?.some((value) => value !== null));
    }
  }

  // What a cell says to who points at it.
  const told = (state, k) => {
    const value = state.values[k];
    if (value === null) return "";
    const i = Math.floor(k / state.columns), j = k % state.columns;
    const place = [];
    if (state.rows > 1 || state.row.length) place.push([state.row[i] ?? i + 1, "row"]);
    if (state.columns > 1 || state.column.length) place.push([state.column[j] ?? j + 1, "column"]);
    // A row that is drawn upright is a row all the same.
    const names = state.turned ? { row: "column", column: "row" } : { row: "row", column: "column" };
    const told = place.map(([which, what]) => `${names[what]} ${which}`);
    const parts = [state.name, ...(state.turned ? told.reverse() : told)];
    const wrong = state.wrong.includes(k) ? ", marked as wrong" : "";
    return `${parts.filter(Boolean).join(", ")}: ${minus(`${value}`)}${wrong}`;
  };

  const still = matchMedia("(prefers-reduced-motion: reduce)");

  class BookScene extends HTMLElement {
    connectedCallback() {
      if (this.bar) return;
      this.data ??= JSON.parse(this.querySelector("script").textContent);
      this.step = 0; // 0 is the still, 1 the first step
      let frames = 0, time = 0;
      this.times = this.data.steps.map((step) => {
        const first = frames, start = time;
        frames += step.frames;
        time += step.playing + step.rest;
        return { first, last: frames - 1, start, moved: start + step.playing, end: time };
      });
      this.frames = frames;
      this.build();
      this.show(0);
    }

    // What the reader sees.

    build() {
      const button = (icon, label, act) => {
        const node = make("button", { type: "button" });
        this.draw(node, icon, label);
        node.addEventListener("click", act);
        return node;
      };
      this.stage = this.querySelector(".scene-picture");
      this.value = make("p", { class: "scene-value", role: "status" });
      this.stage.replaceChildren(this.value);
      set(this.stage, {
        tabindex: 0, role: "application", "aria-roledescription": "picture",
        "aria-label": `${this.data.title}. ${this.data.text} ${this.data.player} ` +
          "The arrow keys walk through the numbers, Page Down to the next matrix.",
      });
      this.playButton = button("play", "Play", () => this.toggle());
      this.slider = make("input", {
        type: "range", min: 0, max: this.data.steps.length, step: 1, value: 0, "aria-label": "Step",
      });
      this.caption = make("p", { class: "scene-caption", "aria-live": "polite" });
      this.words = make("button", { type: "button", class: "scene-words", "aria-expanded": "false" }, "All steps");
      this.words.addEventListener("click", () => {
        const open = this.classList.toggle("scene-open");
        this.words.setAttribute("aria-expanded", open);
      });
      this.bar = make(
        "div",
        { class: "scene-bar", role: "group", "aria-label": "Animation" },
        button("previous", "Previous step", () => this.rest(this.step - 1)),
        this.playButton,
        button("next", "Next step", () => this.advance()),
        this.slider,
        this.words,
      );
      this.slider.addEventListener("input", () => this.rest(Number(this.slider.value)));
      this.bar.addEventListener("keydown", (event) => this.key(event));
      // The longest caption keeps its room: nothing below moves.
      const room = this.data.steps.map((step, k) => make("p", {}, this.said(k + 1)));
      const captions = make("div", { class: "scene-said" }, this.caption,
        make("div", { class: "scene-room", "aria-hidden": "true" }, ...room));
      this.stage.after(make("div", { class: "scene-controls" }, captions, this.bar));
      this.point();
      this.classList.add("scene-ready");
      new ResizeObserver(() => this.fit()).observe(this);
      this.fit();
      const paper = matchMedia("print");
      const lay = () => paper.matches && this.layOut();
      paper.addEventListener("change", lay);
      addEventListener("beforeprint", () => this.layOut());
      lay();
    }

    draw(button, icon, label) {
      button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
      button.setAttribute("aria-label", label);
      button.title = label;
    }

    // The layout for the width that there is.
    fit() {
      const { layouts } = this.data;
      const wanted = layouts[this.clientWidth && this.clientWidth < NARROW ? layouts.length - 1 : 0];
      if (this.picture?.layout === wanted) return;
      this.picture?.node.remove();
      this.picture = new Picture(wanted, this.frames);
      this.stage.style.aspectRatio = `${wanted.width} / ${wanted.height}`;
      this.stage.prepend(this.picture.node);
      this.picture.show(this.moment ?? this.ended(0));
    }

    // On paper: each step as it ends, side by side.
    layOut() {
      if (this.querySelector(".scene-print")) return;
      const steps = this.data.steps.map((step, k) => {
        const picture = new Picture(this.data.layouts[0], this.frames);
        picture.show(this.times[k].last);
        return make("li", {}, picture.node, make("p", {}, step.caption));
      });
      this.append(make("ol", { class: "scene-print" }, ...steps));
    }

    said(step) {
      const total = this.data.steps.length;
      return step ? `${step}/${total} · ${this.data.steps[step - 1].caption}` : `${total} steps; this is how step ${this.data.still + 1} ends. Play them, or take one at a time.`;
    }

    show(step, moment = this.ended(step)) {
      this.step = step;
      this.moment = moment;
      this.picture.show(moment);
      const total = this.data.steps.length;
      this.slider.value = step;
      set(this.slider, { "aria-valuetext": step ? `step ${step} of ${total}` : `overview of ${total} steps` });
      const text = this.said(step);
      if (this.caption.textContent !== text) this.caption.textContent = text;
      if (this.cursor) this.aim(this.cursor.track, this.cursor.k);
    }

    // The frame on which a step rests; the still, before the first.
    ended(step) {
      return this.times[step ? step - 1 : this.data.still].last;
    }

    // What the reader does.

    toggle() {
      if (this.playing && this.through) return this.pause();
      const moving = this.playing; // a single step: from here on, play them all
      this.pause();
      const done = !moving && (this.step === 0 || this.now >= this.times.at(-1).end || this.step === this.times.length);
      this.run(done ? 0 : this.now ?? this.times[this.step - 1].moved, Infinity);
    }

    advance() {
      const next = this.step + 1;
      if (next > this.times.length) return;
      this.pause();
      const { start, moved } = this.times[next - 1];
      // Alone, a step moves at its own pace.
      const { seconds, playing } = this.data.steps[next - 1];
      this.run(start, moved, playing / (seconds || playing));
    }

    rest(step) {
      if (step < 0 || step > this.times.length) return;
      this.pause();
      this.now = step ? this.times[step - 1].moved : 0;
      this.show(step);
    }

    key(event) {
      this.act(event, {
        ArrowRight: () => this.advance(),
        ArrowLeft: () => this.rest(this.step - 1),
        Home: () => this.rest(0),
        End: () => this.rest(this.times.length),
      });
    }

    act(event, acts) {
      const act = acts[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    }

    // Time.

    get playing() {
      return this.tick !== undefined;
    }

    pause() {
      cancelAnimationFrame(this.tick);
      this.tick = undefined;
      this.draw(this.playButton, "play", "Play");
    }

    // Play from a time to another one.
    run(from, end, pace = 1) {
      const last = Math.min(end, this.times.at(-1).end);
      let before = null;
      this.now = from;
      this.through = end === Infinity;
      if (this.through) this.draw(this.playButton, "pause", "Pause");
      const follow = (when) => {
        this.now = Math.min(this.now + (before === null ? 0 : ((when - before) / 1000) * pace), last);
        before = when;
        this.at(this.now);
        if (this.now >= last) this.pause();
        else this.tick = requestAnimationFrame(follow);
      };
      this.at(from);
      this.tick = requestAnimationFrame(follow);
    }

    // The picture of a time. Who asked for less motion sees each step as it ends.
    at(time) {
      const k = Math.max(this.times.findLastIndex(({ start }) => start <= time + 1e-6), 0);
      const { start, moved, first, last } = this.times[k];
      const share = still.matches ? 1 : Math.min((time - start) / (moved - start), 1);
      const eased = first === last ? share * share * (3 - 2 * share) : share;
      const from = Math.max(first - 1, 0);
      this.show(k + 1, share === 1 ? last : from + (last - from) * eased);
    }

    // The numbers: under the pointer, and by keyboard.

    point() {
      const point = (event) => {
        const node = event.target.closest?.("[data-cell]");
        if (node) this.aim(node.parentNode.track, Number(node.dataset.cell));
        else this.aim();
      };
      this.stage.addEventListener("pointermove", point);
      this.stage.addEventListener("pointerdown", point);
      this.stage.addEventListener("pointerleave", () => this.aim());
      this.stage.addEventListener("blur", () => this.aim());
      const walk = (down, across) => () => this.walk(down, across);
      this.stage.addEventListener("keydown", (event) => this.act(event, {
        ArrowUp: walk(-1, 0), ArrowDown: walk(1, 0), ArrowLeft: walk(0, -1), ArrowRight: walk(0, 1),
        PageDown: () => this.turn(1), PageUp: () => this.turn(-1), Escape: () => this.aim(),
      }));
    }

    walk(down, across) {
      if (!this.cursor) return this.turn(0);
      const { track, k } = this.cursor;
      const { rows, columns } = track.shown;
      const i = Math.floor(k / columns) + down, j = (k % columns) + across;
      if (i >= 0 && j >= 0 && i < rows && j < columns) this.aim(track, i * columns + j);
    }

    turn(by) {
      const all = this.picture.matrices();
      if (!all.length) return;
      const place = this.cursor ? all.indexOf(this.cursor.track) + by : 0;
      this.aim(all[(place + all.length) % all.length], 0);
    }

    aim(track, k) {
      this.mark?.remove();
      this.cursor = null;
      const state = track?.shown;
      const text = state?.values && k < state.values.length ? told(state, k) || "empty" : "";
      if (this.value.textContent !== text) this.value.textContent = text;
      if (!text) return;
      this.cursor = { track, k };
      const { x, y, w, h, columns } = state;
      const left = x + (k % columns) * w, top = y + Math.floor(k / columns) * h;
      this.mark = svg("rect", { class: "scene-mark", x: left, y: top, width: w, height: h });
      this.picture.node.append(this.mark);
      const { width, height } = this.picture.layout;
      const right = left + w / 2 > width / 2, low = top > height / 2;
      this.value.style.cssText =
        `${right ? "right" : "left"}: ${(100 * (right ? width - left - w : left)) / width}%;` +
        `${low ? "bottom" : "top"}: calc(${(100 * (low ? height - top : top + h)) / height}% + 4px)`;
    }
  }

  // JupyterLab acts on a key before a scene does, unless the scene says that the key is its
  // own. With Ctrl or Cmd held it is not: saving has to work from here, too.
  const claim = (event) => {
    const own = event.target.closest?.(".scene-bar, .scene-picture");
    own?.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  };

  const mount = (element, data) => {
    const scene = document.createElement(TAG);
    scene.data = data;
    const steps = data.steps.map((step) => make("li", {}, step.caption));
    scene.append(make("figure", { class: "scene", "aria-label": data.title },
      make("div", { class: "scene-picture" }),
      make("ol", { class: "scene-steps", "aria-label": "The steps in words" }, ...steps)));
    element.replaceChildren(scene);
    return scene;
  };

  const define = () => {
    if (customElements.get(TAG)) return;
    customElements.define(TAG, BookScene);
    addEventListener("keydown", claim, true);
  };
  window.BookScene = { mount };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", define);
  else define();
})();
