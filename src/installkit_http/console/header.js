import { remove } from "./api.js";
import { make } from "./elements.js";
import { allows } from "./rights.js";
import { currentLanguage, LANGUAGES, say, setLanguage } from "./words.js";

const KEPT_AS = "installkit-theme";
const THEMES = ["auto", "light", "dark"];

applyTheme(currentTheme());

/** Make the header for the page at *path*, null before log-in; *again* shows the page anew. */
export function makeHeader(path, again) {
  const pages = path === null ? [] : ["sites", "catalogs", "runs", ...(allows("admin") ? ["access"] : [])];
  const links = pages.map((name) => {
    const here = path.startsWith(`/${name}`) || (name === "sites" && path.length < 2);
    return make("a", { href: `#/${name}`, "aria-current": here ? "page" : null }, say(`nav.${name}`));
  });
  return [
    make("a", { class: "skip", href: "#main", onclick: skip }, say("nav.skip")),
    make("a", { class: "brand", href: "#/" }, "installkit"),
    make("nav", { "aria-label": say("nav.label") }, links),
    makeLanguageChoice(again),
    makeThemeChoice(),
    path === null ? null : make("button", { class: "plain", onclick: logOut }, say("nav.logout")),
  ].filter(Boolean);
}

function skip(event) {
  event.preventDefault(); // the address names the page
  document.getElementById("main").focus();
}

async function logOut() {
  await remove("session");
  window.dispatchEvent(new Event("signed-out"));
}

function makeLanguageChoice(again) {
  return makeChoice("language", Object.keys(LANGUAGES), currentLanguage(), (name) => { setLanguage(name); again(); });
}

function makeThemeChoice() {
  return makeChoice("theme", THEMES, currentTheme(), (name) => { localStorage.setItem(KEPT_AS, name); applyTheme(name); });
}

function makeChoice(kind, names, current, choose) {
  const options = names.map((name) => make("option", { value: name, selected: name === current }, say(`${kind}.${name}`)));
  return make("select", { "aria-label": say(`${kind}.label`), onchange: (event) => choose(event.target.value) }, options);
}

function currentTheme() {
  const kept = localStorage.getItem(KEPT_AS);
  return THEMES.includes(kept) ? kept : "auto";
}

function applyTheme(name) {
  document.documentElement.dataset.theme = name;
}
