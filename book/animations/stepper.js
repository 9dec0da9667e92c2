// The stepper: play, pause, previous, next and a slider for the video of a scene,
// with the caption of each step as text. Nothing moves before it is asked to.
// Without this script a scene is its still and the list of its captions.
(() => {
  const TAG = "book-scene";
  const ICONS = {
    previous: "M6 5h2v14H6zM19 5v14L9 12z",
    play: "M7 4v16l13-8z",
    pause: "M6 5h4v14H6zM14 5h4v14h-4z",
    next: "M5 5v14l10-7zM16 5h2v14h-2z",
  };

  const make = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  const draw = (button, icon, label) => {
    button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
    button.setAttribute("aria-label", label);
    button.title = label;
  };

  const times = (text) => text.split(" ").map(Number);

  class BookScene extends HTMLElement {
    connectedCallback() {
      if (this.video || !this.dataset.video) return;
      this.starts = times(this.dataset.starts);
      this.rests = times(this.dataset.rests);
      this.captions = [...this.querySelectorAll(".scene-steps li")].map((li) => li.textContent);
      this.step = 0; // 0 is the still, 1 the first step
      this.build();
      this.watch();
      this.show(0);
    }

    // What the reader sees.

    build() {
      const button = (icon, label, act) => {
        const node = make("button", { type: "button" });
        draw(node, icon, label);
        node.addEventListener("click", act);
        return node;
      };
      this.video = make("video", {
        muted: "", playsinline: "", preload: "none", "aria-hidden": "true", tabindex: "-1",
      });
      this.video.muted = true;
      this.querySelector(".scene-picture").append(this.video);
      this.playButton = button("play", "Play", () => this.toggle());
      this.slider = make("input", {
        type: "range", min: 0, max: this.captions.length, step: 1, value: 0, "aria-label": "Step",
      });
      this.caption = make("p", { class: "scene-caption", "aria-live": "polite" });
      this.words = make("button", { type: "button", class: "scene-words", "aria-expanded": "false" }, "All steps");
      this.words.addEventListener("click", () => {
        const open = this.classList.toggle("scene-open");
        this.words.setAttribute("aria-expanded", open);
      });
      const bar = make(
        "div",
        { class: "scene-bar", role: "group", "aria-label": "Animation" },
        button("previous", "Previous step", () => this.rest(this.step - 1)),
        this.playButton,
        button("next", "Next step", () => this.advance()),
        this.slider,
        this.words,
      );
      this.slider.addEventListener("input", () => this.rest(Number(this.slider.value)));
      bar.addEventListener("keydown", (event) => this.key(event));
      this.querySelector(".scene-picture").after(make("div", { class: "scene-controls" }, bar, this.caption));
      this.classList.add("scene-ready");
    }

    show(step) {
      this.step = step;
      const total = this.captions.length;
      this.slider.value = step;
      this.slider.setAttribute("aria-valuetext", step ? `step ${step} of ${total}` : `overview of ${total} steps`);
      const text = step ? `${step}/${total} · ${this.captions[step - 1]}` : `${total} steps: play them, or take one at a time.`;
      if (this.caption.textContent !== text) this.caption.textContent = text;
      this.classList.toggle("scene-moving", step > 0 && this.loaded);
    }

    // What the reader does.

    toggle() {
      if (this.playing) return this.pause();
      if (this.step === 0 || this.video.ended || this.step === this.captions.length) this.seek(0);
      this.run(Infinity);
    }

    advance() {
      const next = this.step + 1;
      if (next > this.captions.length) return;
      this.seek(this.starts[next - 1]);
      this.show(next);
      this.run(this.rests[next - 1]);
    }

    rest(step) {
      if (step < 0 || step > this.captions.length) return;
      this.pause();
      if (step > 0) this.seek(this.rests[step - 1] + 0.02);
      this.show(step);
    }

    key(event) {
      const act = {
        ArrowRight: () => this.advance(),
        ArrowLeft: () => this.rest(this.step - 1),
        Home: () => this.rest(0),
        End: () => this.rest(this.captions.length),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    }

    // What the video does.

    watch() {
      this.video.addEventListener("loadeddata", () => {
        this.loaded = true;
        this.show(this.step);
      });
      this.video.addEventListener("play", () => draw(this.playButton, "pause", "Pause"));
      for (const name of ["pause", "ended"]) {
        this.video.addEventListener(name, () => draw(this.playButton, "play", "Play"));
      }
      this.video.addEventListener("error", () => this.giveUp());
      const near = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        this.load();
      }, { rootMargin: "300px" });
      near.observe(this.querySelector(".scene-bar"));
    }

    load() {
      if (this.video.src) return;
      this.video.preload = "auto";
      this.video.src = this.dataset.video;
    }

    // A file that is missing, or a browser that cannot play H.264.
    giveUp() {
      this.classList.remove("scene-ready", "scene-moving");
      const told = make("p", { role: "status" }, "The video cannot be played here. These are its steps:");
      this.querySelector(".scene-controls").replaceWith(told);
    }

    seek(time) {
      this.load();
      this.video.currentTime = time;
    }

    get playing() {
      return !this.video.paused && !this.video.ended;
    }

    pause() {
      this.video.pause();
    }

    // Play up to a time, and follow with slider and caption.
    run(end) {
      this.load();
      this.end = end;
      this.video.play().catch(() => {});
      cancelAnimationFrame(this.tick);
      const follow = () => {
        const now = this.video.currentTime;
        if (this.video.paused && !this.video.seeking && this.video.readyState > 1) return;
        if (now >= this.end + 0.02) return this.pause();
        const step = this.starts.findLastIndex((start) => start <= now + 0.01) + 1;
        if (this.end === Infinity && step !== this.step) this.show(step);
        this.tick = requestAnimationFrame(follow);
      };
      this.tick = requestAnimationFrame(follow);
    }
  }

  // JupyterLab acts on a key before a scene does, unless the scene says that the key is its
  // own. With Ctrl or Cmd held it is not: saving has to work from here, too.
  const claim = (event) => {
    const bar = event.target.closest?.(".scene-bar");
    bar?.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  };

  const define = () => {
    if (customElements.get(TAG)) return;
    customElements.define(TAG, BookScene);
    addEventListener("keydown", claim, true);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", define);
  else define();
})();
