// Search: every page is a list of sections, `searchText`, and all of it is looked at.

const words = (new URLSearchParams(location.search).get("q") ?? "").trim();
const results = document.getElementById("search-results");
const field = document.querySelector(".ask input");
field.value = words;

const plain = (text) => text.toLowerCase();
const wanted = [...new Set(plain(words).split(/\s+/).filter(Boolean))];
const ROOM = 90; // characters of an excerpt on either side of what was found

// English words are found at their beginning; Chinese has no spaces, and is found anywhere.
const finder = (word) => new RegExp((/^[\x20-\x7f]/.test(word) ? "(?<![a-z0-9])" : "") + word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "g");
const count = (text, word) => (plain(text).match(finder(word)) ?? []).length;

// Where the words stand together counts for more, in a heading for more still.
const worth = (title, [, heading, text], first) => {
  const all = `${title} ${heading} ${text}`;
  if (!wanted.every((word) => count(all, word))) return 0;
  const phrase = wanted.length > 1 && plain(`${heading} ${text}`).includes(plain(words)) ? 25 : 0;
  const inText = wanted.reduce((sum, word) => sum + Math.min(6, count(text, word)), 0);
  const own = wanted.some((word) => count(`${heading} ${text}`, word));
  if (!own) return 0; // the title alone: its first section stands for it
  const inHeading = wanted.every((word) => count(heading, word)) ? (first ? 60 : 40) : 0;
  const inTitle = 15 * wanted.filter((word) => count(title, word)).length;
  return phrase + inText + inHeading + inTitle;
};

const found = [];
for (const [page, sections] of searchText) {
  const title = sections[0]?.[1] ?? "";
  sections.forEach((section, place) => {
    const value = wanted.length ? worth(title, section, place === 0) : 0;
    if (value) found.push({ page, title, section, value });
  });
}
found.sort((a, b) => b.value - a.value);

const make = (tag, fields, ...children) => {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...children);
  return element;
};

// The words themselves are marked. Lower-casing may change how long a text is: then not.
const marked = (text) => {
  const low = plain(text), spots = [];
  if (low.length !== text.length) return [text];
  // The words as they were asked for, before each by itself.
  for (const word of [plain(words), ...wanted]) for (const spot of low.matchAll(finder(word))) spots.push([spot.index, spot.index + word.length]);
  spots.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const parts = [];
  let last = 0;
  for (const [start, stop] of spots) {
    if (start < last) continue;
    parts.push(text.slice(last, start), make("mark", { textContent: text.slice(start, stop) }));
    last = stop;
  }
  return [...parts, text.slice(last)];
};

const excerpt = (text) => {
  const low = plain(text);
  const phrase = low.indexOf(plain(words));
  const spots = wanted.map((word) => low.search(finder(word))).filter((spot) => spot >= 0);
  const spot = phrase >= 0 ? phrase : spots.length ? Math.min(...spots) : 0;
  const start = spot <= ROOM ? 0 : text.indexOf(" ", spot - ROOM) + 1 || spot - ROOM;
  const end = text.length - spot <= 2 * ROOM ? text.length : text.lastIndexOf(" ", spot + 2 * ROOM);
  const stop = end > spot ? end : spot + 2 * ROOM;
  return `${start && start <= spot ? "… " : ""}${text.slice(Math.min(start, spot), stop)}${stop < text.length ? " …" : ""}`;
};

if (words) {
  const root = document.documentElement.dataset.content_root;
  const shown = found.slice(0, 40);
  const items = shown.map(({ page, title, section: [anchor, heading, text] }) => {
    const link = make("a", { href: `${root}${page}${anchor ? `#${anchor}` : ""}` }, ...marked(anchor ? heading : title));
    const where = anchor ? [make("span", { className: "where" }, ...marked(title))] : [];
    return make("li", {}, ...where, link, make("p", {}, ...marked(excerpt(text))));
  });
  const many = `${found.length}${found.length > shown.length ? `; these are the first ${shown.length}` : ""}`;
  results.append(make("p", { className: "told", textContent: found.length ? `Places found: ${many}.` : `Nothing was found for “${words}”. Try fewer words, or the beginning of one.` }));
  results.append(make("ol", { className: "search" }, ...items));
}
