import { getAll } from "./api.js";
import { make, makeTable, makeWords } from "./elements.js";
import { linkToRun, linkToSite } from "./marks.js";
import { say } from "./words.js";

/** Show every site, and which run holds it. */
export async function showSites(main, _, signal) {
  const sites = await getAll("sites", signal);
  const rows = sites.map((site) => [linkToSite(site.name), site.title, makeLock(site.lock), linkToRun(site.last_run)]);
  const headings = ["site", "title", "lock", "last"].map((name) => say(`head.${name}`));
  const shown = rows.length ? makeTable(say("sites.title"), headings, rows) : make("p", { class: "quiet" }, makeWords(say("sites.none")));
  main.replaceChildren(make("h1", {}, say("sites.title")), shown);
}

/** Say who changes a site; *lock* is null while nobody does. */
export function makeLock(lock) {
  if (!lock) return say("site.free");
  return make("span", {}, say("site.locked", lock), " ", linkToRun(lock.run));
}
