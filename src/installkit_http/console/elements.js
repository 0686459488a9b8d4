// Elements are made here and nowhere else. What comes from outside becomes text, never markup.

/**
 * Make an element: make("a", {href: "#/runs", class: "quiet"}, "Runs").
 * An attribute that is true is set empty; false, null and undefined are left out; onclick and the like are listeners.
 * Children are nodes, text, lists of these, or null.
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

/** Return *text* with what stands between `backticks` as code. */
export function makeWords(text) {
  return text.split("`").map((part, at) => (at % 2 ? make("code", {}, part) : part));
}

/** Make a name that programs use, too; it stands in one line. */
export function makeId(text) {
  return make("code", { class: "id" }, text);
}

/** Make a table in a frame that scrolls sideways by itself; *rows* are lists of cells, each a node, text or null. */
export function makeTable(label, headings, rows) {
  const head = make("tr", {}, headings.map((heading) => make("th", { scope: "col" }, heading)));
  const body = rows.map((cells) => make("tr", {}, cells.map((cell) => make("td", {}, cell ?? "–"))));
  const table = make("table", { "aria-label": label }, make("thead", {}, head), make("tbody", {}, body));
  return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": label }, table);
}

/** Make an input with its label; *options* are attributes of the input. */
export function makeField(label, name, options = {}) {
  return make("label", { class: "field" }, make("span", {}, label), make("input", { name, ...options }));
}

/** Make a checkbox with its label after it. */
export function makeCheckbox(label, name, options = {}) {
  return make("label", { class: "choice" }, make("input", { type: "checkbox", name, ...options }), make("span", {}, label));
}

/** Make a heading with what belongs below it; sections of a page are found by their names. */
export function makeSection(title, ...children) {
  return make("section", { "aria-label": title }, make("h2", {}, title), ...children);
}

/** Make a select of *options*, each [value, words]; *chosen* is the value that it begins with. */
export function makeSelect(name, options, chosen, attributes = {}) {
  const made = options.map(([value, words]) => make("option", { value, selected: value === chosen }, words));
  return make("select", { name, ...attributes }, made);
}

const drawn = new WeakMap();

/**
 * Fill *place* with what *makeContent* returns, unless *source*, what it is made from, is as it was the last time.
 * Who was on something with a data-name stays on it.
 */
export function renew(place, source, makeContent) {
  const key = JSON.stringify(source);
  if (drawn.get(place) === key) return;
  drawn.set(place, key);
  const name = place.contains(document.activeElement) && document.activeElement.dataset.name;
  place.replaceChildren(...[makeContent()].flat());
  if (name) place.querySelector(`[data-name="${CSS.escape(name)}"]`)?.focus();
}

/** Say *text* to those who listen to the page instead of looking at it. */
export function announce(text) {
  document.getElementById("announcements").textContent = text;
}
