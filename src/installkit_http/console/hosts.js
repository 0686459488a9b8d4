// The hosts of a site: to look at always, to change where installkit holds the inventory.

import { address, change, get, getAll, getTagged, post, remove } from "./api.js";
import { make, makeSection, makeTable } from "./elements.js";
import { askWhether, makeEntry, openForm } from "./forms.js";
import { makeInventory } from "./inventory.js";
import { guarded, makeStatus } from "./marks.js";
import { allows } from "./rights.js";
import { linesText, readLines, readNames, valueText } from "./values.js";
import { say } from "./words.js";

const MOST_VARIABLES = 4; // shown of a host in the table

export async function showHosts(place, name, signal, site) {
  const hosts = await getAll(address`sites/${name}/hosts`, signal);
  const held = site.inventory.kind === "store";
  const editable = held && allows("admin");
  const notice = make("p", { class: "notice" }, say("hosts.file", { path: site.inventory.path }));
  place.append(
    ...(held ? [] : [notice]),
    ...(editable ? [makeTools(name)] : []),
    makeHostTable(name, hosts, held, editable),
    makeSection(say("hosts.groups"), makeGroups(hosts)),
  );
}

function makeTools(site) {
  const refused = make("div");
  const button = (word, act, name) => make("button", { type: "button", class: name, onclick: guarded(refused, act) }, say(word));
  return make(
    "div", {},
    make(
      "div", { class: "buttons" },
      button("hosts.add", () => openHost(site, null, null), ""),
      button("hosts.export", () => exportInventory(site), "plain"),
      button("hosts.import", () => openInventory(site), "plain"),
    ),
    refused,
  );
}

function makeHostTable(site, hosts, held, editable) {
  const headings = ["host", "groups", ...(held ? ["variables"] : []), "components", ...(editable ? ["edit"] : [])].map((name) => say(`head.${name}`));
  const rows = hosts.map((host) => [
    host.name,
    host.groups.join(", ") || "–",
    ...(held ? [makeVariables(host.vars)] : []),
    makeComponents(host.installed),
    ...(editable ? [makeHostTools(site, host.name)] : []),
  ]);
  return makeTable(say("site.hosts"), headings, rows);
}

/** What is recorded on a host: a name and a version stand alone only where they are proved to be there. */
function makeComponents(rows) {
  if (!rows.length) return "–";
  return make("div", {}, rows.map(({ component, version, status }) =>
    make("div", {}, `${component} ${version ?? ""}`.trim(), ...(status === "installed" ? [] : [" ", makeStatus(status)])),
  ));
}

function makeVariables(variables) {
  const every = Object.entries(variables);
  const lines = every.slice(0, MOST_VARIABLES).map(([name, value]) => make("code", { class: "line" }, `${name} = ${valueText(value)}`));
  return make("div", {}, lines, every.length > lines.length ? make("small", { class: "quiet" }, say("hosts.more", { count: every.length - lines.length })) : null);
}

function makeHostTools(site, name) {
  const path = address`sites/${site}/hosts/${name}`;
  const refused = make("div");
  const edit = guarded(refused, async () => openHost(site, ...(await getTagged(path))));
  const drop = guarded(refused, async () => {
    const [, tag] = await getTagged(path);
    askWhether(say("hosts.drop", { name }), say("form.remove"), () => remove(path, tag));
  });
  return make(
    "div", { class: "row-tools" },
    make("button", { type: "button", class: "plain", "aria-label": say("form.editof", { name }), onclick: edit }, say("form.edit")),
    make("button", { type: "button", class: "danger", "aria-label": say("form.removeof", { name }), onclick: drop }, say("form.remove")),
    refused,
  );
}

/** Ask for what is to be known of *host*, as the service gave it with *tag*; null for a new one. */
function openHost(site, host, tag) {
  const plain = { autocomplete: "off", spellcheck: "false" };
  const name = make("input", { name: "name", ...plain });
  const groups = make("input", { name: "groups", value: host?.groups.join(", ") ?? "", ...plain });
  const variables = make("textarea", { name: "vars", rows: 6, ...plain });
  variables.value = linesText(host?.vars ?? {});
  const save = async () => {
    const vars = readLines(variables.value, "/vars", (line) => say("hosts.badline", { line }));
    const body = { groups: readNames(groups.value), vars };
    if (!host) await post(address`sites/${site}/hosts`, { name: name.value.trim(), ...body });
    else await change("PATCH", address`sites/${site}/hosts/${host.name}`, { ...body, vars: changedVariables(host.vars, vars) }, tag);
  };
  openForm(
    host ? say("form.editof", { name: host.name }) : say("hosts.add"), say("form.save"), save,
    host ? null : makeEntry(say("head.name"), "/name", name),
    makeEntry(say("head.groups"), "/groups", groups, say("hosts.groupshelp")),
    makeEntry(say("head.variables"), "/vars", variables, say("hosts.varshelp")),
  );
}

/** What changes: only that is sent, so that a value which is not understood here, as one of a vault, stays as it is. */
function changedVariables(before, now) {
  const gone = Object.keys(before).filter((name) => !(name in now)).map((name) => [name, null]);
  const changed = Object.entries(now).filter(([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value));
  return Object.fromEntries([...gone, ...changed]);
}

function makeGroups(hosts) {
  const groups = new Map();
  for (const host of hosts) for (const group of host.groups) groups.set(group, [...(groups.get(group) ?? []), host.name]);
  if (!groups.size) return make("p", { class: "quiet" }, say("nothing"));
  const rows = [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([group, names]) => [group, names.join(", ")]);
  return makeTable(say("hosts.groups"), [say("head.group"), say("head.hosts")], rows);
}

async function exportInventory(site) {
  const { inventory } = await get(address`sites/${site}/inventory`);
  const link = make("a", { href: URL.createObjectURL(new Blob([inventory], { type: "application/yaml" })), download: `${site}-inventory.yml` });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function openInventory(site) {
  const path = address`sites/${site}/inventory`;
  const [{ inventory }, tag] = await getTagged(path);
  const [text, entries] = makeInventory(inventory, say("hosts.importhelp"));
  const save = () => change("PUT", path, { inventory: text.value }, tag);
  openForm(say("hosts.import"), say("form.save"), save, entries).classList.add("large");
}
