// The console's languages: what is said is looked up here, and which language, remembered.

import chinese from "./chinese.js";
import english from "./english.js";

export const LANGUAGES = { en: english, zh: chinese };

const KEPT_AS = "installkit-language";

let language = startLanguage();

/** Return the words for *key* with *values* put in; a key that has none is shown itself. */
export function say(key, values = {}) {
  const words = LANGUAGES[language][key] ?? english[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function currentLanguage() {
  return language;
}

export function setLanguage(name) {
  language = name;
  localStorage.setItem(KEPT_AS, name);
  document.documentElement.lang = name;
}

function startLanguage() {
  const kept = localStorage.getItem(KEPT_AS);
  const found = kept in LANGUAGES ? kept : navigator.language.startsWith("zh") ? "zh" : "en";
  document.documentElement.lang = found;
  return found;
}
