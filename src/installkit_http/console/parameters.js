// What the playbooks of a site receive: values by level, each with where it comes from, and secrets, which never come back.

import { ABSENT, address, change, getAll, getTagged, remove } from "./api.js";
import { make, makeId, makeSection, makeSelect, makeTable } from "./elements.js";
import { askWhether, makeEntry, openForm } from "./forms.js";
import { allows } from "./rights.js";
import { readValue, valueText } from "./values.js";
import { say } from "./words.js";

const PASSWORDS = ["ansible_password", "ansible_become_password", "ansible_vault_password"]; // what Ansible itself takes
const TEXTS = ["string", "path", "host"]; // types whose values are text as it is written

export async function showParameters(place, name, signal) {
  const [[entered, tag], components, hosts, secrets] = await Promise.all([
    getTagged(address`sites/${name}/parameters`, signal),
    getAll(address`sites/${name}/components`, signal),
    getAll(address`sites/${name}/hosts`, signal),
    getAll(address`sites/${name}/secrets`, signal),
  ]);
  const declared = components.flatMap((component) => component.parameters);
  const site = { name, entered, tag, levels: levelsOf(hosts), kept: new Map(secrets.map((each) => [each.name, each.etag])) };
  place.append(
    make("p", { class: "quiet" }, say("parameters.help")),
    makeParameters(site, declared.filter((each) => !each.secret)),
    makeSection(say("parameters.secrets"), makeSecrets(site, secretsOf(site, declared))),
  );
}

/** Where a value may be entered, lowest first: [pointer, words]. */
function levelsOf(hosts) {
  const groups = [...new Set(["all", ...hosts.flatMap((host) => host.groups)])];
  return [
    ["site", say("level.site")],
    ...groups.map((group) => [`groups/${group}`, say("level.group", { name: group })]),
    ...hosts.map(({ name }) => [`hosts/${name}`, say("level.host", { name })]),
  ];
}

function makeParameters(site, parameters) {
  if (!parameters.length) return make("p", { class: "quiet" }, say("parameters.none"));
  const headings = ["parameter", "component", "type", "values", "onchange", ...editColumn()].map((name) => say(`head.${name}`));
  const rows = parameters.map((parameter) => [
    makeId(parameter.name), parameter.component, parameter.type, makeValues(site, parameter),
    say(`onchange.${parameter.on_change}`),
    ...editColumn().map(() => makeEdit(site, parameter)),
  ]);
  return makeTable(say("site.parameters"), headings, rows);
}

/** The column of the tools that change a row, for whoever may. */
function editColumn() {
  return allows("operate") ? ["edit"] : [];
}

function makeEdit(site, parameter) {
  return make("button", { type: "button", class: "plain", "aria-label": say("form.editof", { name: parameter.name }), onclick: () => openParameter(site, parameter) }, say("form.edit"));
}

/** Every value of *parameter* with its origin, the weakest first. */
function makeValues(site, { name, component, value, required }) {
  const known = value === null ? [] : [[value, say("level.default", { name: component })]];
  const found = [...known, ...enteredValues(site, name).map(([level, each]) => [each, wordsOf(site, level)])];
  if (!found.length) return make("span", { class: required ? "status failed" : "quiet" }, say(required ? "parameters.missing" : "parameters.unset"));
  return make("ul", { class: "levels" }, found.map(([each, origin]) => make("li", {}, make("code", {}, valueText(each)), " ", make("small", { class: "quiet" }, origin))));
}

function enteredValues({ entered }, name) {
  const at = (kind, values) => Object.entries(values).map(([place, each]) => [`${kind}/${place}`, each]);
  const levels = [["site", entered.site], ...at("groups", entered.groups), ...at("hosts", entered.hosts)];
  return levels.filter(([, values]) => name in values).map(([level, values]) => [level, values[name]]);
}

/** The words for *level*; a group or host that the inventory has no more is named as it was. */
function wordsOf({ levels }, level) {
  return levels.find(([pointer]) => pointer === level)?.[1] ?? level;
}

function openParameter(site, parameter) {
  const known = new Map(enteredValues(site, parameter.name));
  const chosen = [...known.keys()].at(-1) ?? "site";
  const gone = [...known.keys()].filter((level) => !site.levels.some(([pointer]) => pointer === level)).map((level) => [level, level]);
  const input = makeInput(parameter);
  const level = makeSelect("level", [...site.levels, ...gone], chosen, { onchange: () => show() });
  const take = make("button", { type: "button", class: "danger", onclick: () => submitTaken(dialog.querySelector("form")) }, say("parameters.take"));
  const show = () => {
    take.hidden = !known.has(level.value);
    input.value = known.has(level.value) ? textOf(parameter, known.get(level.value)) : "";
    input.dataset.pointer = `/${level.value}/${parameter.name}`;
  };
  const save = (value) => change("PATCH", address`sites/${site.name}/parameters`, patchOf(level.value, parameter.name, value), site.tag);
  const dialog = openForm(
    say("form.editof", { name: parameter.name }), say("form.save"), (form) => save(form.dataset.taken ? null : typed(parameter, input.value)),
    makeEntry(say("head.level"), "/level", level),
    makeEntry(say("head.value"), "", input, say("parameters.typehelp", { type: parameter.type })),
  );
  show();
  dialog.querySelector("form > .buttons").append(take);
}

/** Send *form* as one whose value is taken away. */
function submitTaken(form) {
  form.dataset.taken = "true";
  form.requestSubmit();
  delete form.dataset.taken;
}

function makeInput({ name, type }) {
  if (type === "boolean") return makeSelect(name, [["true", "true"], ["false", "false"]], "true");
  if (type === "list" || type === "map") return make("textarea", { name, rows: 5, spellcheck: "false" });
  return make("input", { name, autocomplete: "off", spellcheck: "false", inputmode: type === "port" || type === "integer" ? "numeric" : null });
}

function textOf({ type }, value) {
  return TEXTS.includes(type) && typeof value === "string" ? value : valueText(value);
}

/** What was written, as the type wants it; what does not fit goes as text, and the service says what it wants. */
function typed({ type }, text) {
  return TEXTS.includes(type) ? text : readValue(text);
}

function patchOf(level, name, value) {
  const [kind, ...rest] = level.split("/");
  return { [kind]: rest.length ? { [rest.join("/")]: { [name]: value } } : { [name]: value } };
}

/** What may be set: the catalog's secrets, Ansible's own passwords, and whatever else is kept, as for a labelled vault. */
function secretsOf({ kept }, declared) {
  const secrets = declared.filter((each) => each.secret);
  const names = new Set([...PASSWORDS, ...kept.keys()]);
  for (const { name } of secrets) names.delete(name);
  return [...secrets, ...[...names].map((name) => ({ name, component: "Ansible", required: false }))];
}

function makeSecrets(site, parameters) {
  const rows = parameters.map(({ name, component, required }) => {
    const known = site.kept.has(name);
    const state = known ? say("secret.set") : say(required ? "secret.missing" : "secret.unset");
    return [makeId(name), component, make("span", { class: `status ${known ? "ok" : required ? "failed" : ""}` }, state), ...editColumn().map(() => makeSecretTools(site, name))];
  });
  return [
    make("p", { class: "quiet" }, say("secret.help")),
    makeTable(say("parameters.secrets"), ["parameter", "component", "status", ...editColumn()].map((name) => say(`head.${name}`)), rows),
  ];
}

function makeSecretTools(site, name) {
  const known = site.kept.has(name);
  const tag = known ? site.kept.get(name) : ABSENT;
  const path = address`sites/${site.name}/secrets/${name}`;
  const open = () => {
    const input = make("input", { type: "password", name, autocomplete: "new-password" });
    openForm(say("secret.setof", { name }), say("form.save"), () => change("PUT", path, { value: input.value }, tag), makeEntry(say("head.value"), "/value", input, say("secret.help")));
  };
  const drop = () => askWhether(say("secret.drop", { name }), say("form.remove"), () => remove(path, tag));
  return make(
    "div", { class: "row-tools" },
    make("button", { type: "button", class: "plain", "aria-label": say("secret.setof", { name }), onclick: open }, say("secret.enter")),
    known ? make("button", { type: "button", class: "danger", "aria-label": say("form.removeof", { name }), onclick: drop }, say("form.remove")) : null,
  );
}
