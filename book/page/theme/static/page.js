// Theme, copying, and boxes that scroll: the three things a page cannot do alone.

const root = document.documentElement;

// The theme follows the system until the reader chooses.
const themeButton = document.querySelector("button.theme");
const setTheme = (theme) => {
  root.dataset.theme = theme;
  themeButton.setAttribute("aria-pressed", theme === "dark");
};
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  chosenTheme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", chosenTheme) } catch {}
  setTheme(chosenTheme);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (system) => {
  if (!chosenTheme) setTheme(system.matches ? "dark" : "light");
});
setTheme(root.dataset.theme);

// The chapter that is open stands in the middle of a long list of chapters.
const contents = document.querySelector(".contents");
const current = contents.querySelector(".current");
if (current) contents.scrollTop = current.offsetTop - contents.clientHeight / 2;

// "/" goes to the search field, as on many sites.
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = [...document.querySelectorAll("input[type=search]")].find((f) => f.checkVisibility());
  if (field) { event.preventDefault(); field.focus() }
});

// Every piece of code that the reader may want has a button to copy it.
for (const code of document.querySelectorAll(".cell_input pre, div.highlight-python pre")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(code.textContent.trimEnd()); button.textContent = "Copied" }
    catch { getSelection().selectAllChildren(code); button.textContent = "Selected" }
    setTimeout(() => { button.textContent = "Copy" }, 1500);
  });
  code.parentElement.append(button);
}

// What is wider than the page scrolls in its own box, by keyboard too.
const wide = document.querySelectorAll("pre, .math, .output, .table-box");
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth + 1;
    target.toggleAttribute("data-scrolls", scrolls);
    if (scrolls) {
      target.tabIndex = 0;
      target.setAttribute("role", "group");
      target.setAttribute("aria-label", "Wider than the page: scrolls sideways");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
    }
  }
});
for (const table of document.querySelectorAll("article table")) {
  if (table.closest(".output, .table-box")) continue;
  const box = document.createElement("div");
  box.className = "table-box";
  table.replaceWith(box);
  box.append(table);
  sizes.observe(box);
}
wide.forEach((box) => sizes.observe(box));

// On paper every answer is open.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true }));
