import { address, get, getAll } from "./api.js";
import { make, makeId, makeTable } from "./elements.js";
import { showHosts } from "./hosts.js";
import { linkToRun, makeFacts, makeStatus, makeTime } from "./marks.js";
import { showParameters } from "./parameters.js";
import { showRequest } from "./request.js";
import { allows } from "./rights.js";
import { showList } from "./runs.js";
import { makeLock } from "./sites.js";
import { say } from "./words.js";

const PARTS = {
  installed: showInstalled, hosts: showHosts, parameters: showParameters, catalog: showComponents, plans: showPlans, runs: showSiteRuns,
  plan: showRequest,
};

/** Show one site: what it is, and one part of it. */
export async function showSite(main, [name, part = "installed"], signal) {
  if (!offeredParts().includes(part)) throw new Error(say("problem.missing"));
  const site = await get(address`sites/${name}`, signal);
  const place = make("div");
  await PARTS[part](place, name, signal, site);
  main.replaceChildren(
    make("h1", {}, site.title),
    makeFacts(
      [say("head.site"), name === site.title ? null : name],
      [say("head.lock"), makeLock(site.lock)],
      [say("head.last"), linkToRun(site.last_run)],
      [say("site.folder"), make("code", {}, site.catalog)],
      [say("site.inventory"), make("code", {}, site.inventory.path)],
    ),
    makeTabs(name, part),
    place,
  );
}

function offeredParts() {
  return Object.keys(PARTS).filter((part) => part !== "plan" || allows("operate"));
}

function makeTabs(site, current) {
  const links = offeredParts().map((part) =>
    make("a", { href: address`#/sites/${site}/${part}`, "aria-current": part === current ? "page" : null }, say(`site.${part}`)),
  );
  return make("nav", { class: "tabs", "aria-label": say("site.parts") }, links);
}

async function showInstalled(place, site, signal) {
  const rows = await getAll(address`sites/${site}/installed`, signal);
  const headings = ["component", "host", "version", "status", "verified", "run"].map((name) => say(`head.${name}`));
  const first = allows("operate") ? make("a", { href: address`#/sites/${site}/plan` }, say("site.first")) : "";
  if (!rows.length) place.append(make("p", { class: "quiet" }, say("site.none"), " ", first));
  else place.append(makeTable(say("site.installed"), headings, rows.map(installedCells)));
}

function installedCells({ component, host, version, to_version: wanted, status, verified_at: verified, run }) {
  const versions = wanted && wanted !== version ? `${version ?? "–"} → ${wanted}` : (version ?? "–");
  return [component, host, versions, makeStatus(status), makeTime(verified), linkToRun(run)];
}

async function showComponents(place, site, signal) {
  const components = await getAll(address`sites/${site}/components`, signal);
  const headings = ["order", "component", "versions", "hosts", "requires", "actions"].map((name) => say(`head.${name}`));
  const rows = components.map((each) => [
    each.order == null ? "–" : `${each.order}`.padStart(2, "0"),
    componentName(each),
    each.versions.join(", ") || "–",
    each.hosts ?? "–",
    each.requires.map(({ name, version }) => `${name}${version ? ` ${version}` : ""}`).join(", ") || "–",
    each.actions.map(({ action }) => say(`action.${action}`)).join(", "),
  ]);
  place.append(rows.length ? makeTable(say("site.catalog"), headings, rows) : make("p", { class: "quiet" }, say("nothing")));
}

function componentName({ name, title }) {
  if (title === name) return name;
  return make("span", {}, name, make("br"), make("small", { class: "quiet" }, title));
}

async function showPlans(place, site, signal) {
  const plans = await getAll(address`sites/${site}/plans`, signal);
  const headings = ["plan", "created", "summary"].map((name) => say(`head.${name}`));
  const rows = plans.map(({ id, created_at: created, summary }) => [
    make("a", { href: address`#/plans/${id}` }, makeId(id)), makeTime(created), summary,
  ]);
  place.append(rows.length ? makeTable(say("site.plans"), headings, rows) : make("p", { class: "quiet" }, say("nothing")));
}

async function showSiteRuns(place, site, signal) {
  await showList(place, address`&site=${site}`, signal);
}
