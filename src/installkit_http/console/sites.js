import { address, getAll, post } from "./api.js";
import { make, makeSelect, makeTable, makeWords } from "./elements.js";
import { makeEntry, openForm } from "./forms.js";
import { makeInventory } from "./inventory.js";
import { guarded, linkToRun, linkToSite } from "./marks.js";
import { allows } from "./rights.js";
import { say } from "./words.js";

/** Show every site, and which run holds it. */
export async function showSites(main, _, signal) {
  const sites = await getAll("sites", signal);
  const rows = sites.map((site) => [linkToSite(site.name), site.title, makeLock(site.lock), linkToRun(site.last_run)]);
  const headings = ["site", "title", "lock", "last"].map((name) => say(`head.${name}`));
  const shown = rows.length ? makeTable(say("sites.title"), headings, rows) : make("p", { class: "quiet" }, makeWords(say("sites.none")));
  main.replaceChildren(make("h1", {}, say("sites.title")), shown, ...(allows("admin") ? makeTools() : []));
}

function makeTools() {
  const refused = make("div");
  const add = guarded(refused, async () => openSite(await getAll("catalogs")));
  return [make("div", { class: "buttons" }, make("button", { type: "button", onclick: add }, say("sites.add"))), refused];
}

/** Ask for what makes a site of one of *catalogs*; it is shown next. */
function openSite(catalogs) {
  const plain = { autocomplete: "off", spellcheck: "false" };
  const name = make("input", { name: "name", ...plain });
  const title = make("input", { name: "title", ...plain });
  const catalog = makeSelect("catalog", catalogs.map((each) => [each.name, `${each.name} (${each.folder})`]), catalogs[0]?.name);
  const [inventory, entries] = makeInventory("", say("sites.inventoryhelp"));
  const save = async () => {
    const wanted = { name: name.value.trim(), title: title.value.trim() || null, catalog: catalog.value || null, inventory: inventory.value };
    const site = await post("sites", wanted);
    location.hash = address`#/sites/${site.name}/hosts`;
  };
  openForm(
    say("sites.add"), say("form.save"), save,
    makeEntry(say("head.name"), "/name", name, say("sites.namehelp")),
    makeEntry(say("head.title"), "/title", title),
    makeEntry(say("site.folder"), "/catalog", catalog),
    entries,
  ).classList.add("large");
}

/** Say who changes a site; *lock* is null while nobody does. */
export function makeLock(lock) {
  if (!lock) return say("site.free");
  return make("span", {}, say("site.locked", lock), " ", linkToRun(lock.run));
}
