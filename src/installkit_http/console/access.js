// Who may use the service, who is told of runs, and who changed what: for administrators.

import { address, get, getAll, post, remove } from "./api.js";
import { announce, make, makeCheckbox, makeId, makeSelect, makeTable } from "./elements.js";
import { askWhether, makeEntry, makeForm } from "./forms.js";
import { guarded, makeTime } from "./marks.js";
import { currentLanguage, say } from "./words.js";

const PARTS = { tokens: showTokens, webhooks: showWebhooks, audit: showAudit };
const SCOPES = ["read", "operate", "admin"];
const DAYS = [1, 30, 365];
const EVENTS = ["run_started", "run_finished", "approval_requested", "approved", "cancel_requested", "step_started", "step_finished"];
const TOLD = ["run_started", "run_finished", "approval_requested"];
const PAGE = 100;

export async function showAccess(main, [part = "tokens"], signal) {
  if (!(part in PARTS)) throw new Error(say("problem.missing"));
  const place = make("div");
  await PARTS[part](place, signal);
  const links = Object.keys(PARTS).map((name) => make("a", { href: `#/access/${name}`, "aria-current": name === part ? "page" : null }, say(`access.${name}`)));
  main.replaceChildren(make("h1", {}, say("access.title")), make("nav", { class: "tabs", "aria-label": say("access.parts") }, links), place);
}

async function showTokens(place, signal) {
  const tokens = await getAll("tokens", signal);
  const list = make("div", {}, makeTokenTable(tokens));
  place.append(list, makeTokenForm(async () => list.replaceChildren(makeTokenTable(await getAll("tokens", signal)))));
}

function makeTokenTable(tokens) {
  const headings = ["name", "token", "scopes", "created", "expires", "used", "edit"].map((name) => say(`head.${name}`));
  const rows = tokens.map((token) => [
    make("span", {}, token.name, token.parent ? make("small", { class: "quiet" }, ` ${say("token.session")}`) : null),
    makeId(token.id), token.scopes.join(", "), makeTime(token.created_at),
    token.expires_at ? makeTime(token.expires_at) : say("token.never"), makeTime(token.last_used_at),
    makeRemove(token.name, say("token.revoke"), say("token.drop", token), address`tokens/${token.id}`),
  ]);
  return makeTable(say("access.tokens"), headings, rows);
}

function makeRemove(name, word, question, path) {
  const ask = () => askWhether(question, word, () => remove(path));
  return make("button", { type: "button", class: "danger", "aria-label": `${word}: ${name}`, onclick: ask }, word);
}

/** A form for a new token; its text is shown this once, above the form. *renewed* shows the list again. */
function makeTokenForm(renewed) {
  const shown = make("div", { role: "status" });
  const name = make("input", { name: "name", autocomplete: "off" });
  const scope = makeSelect("scope", SCOPES.map((each) => [each, say(`scope.${each}`)]), "read");
  const ahead = new Intl.RelativeTimeFormat(currentLanguage());
  const days = makeSelect("days", [...DAYS.map((each) => [`${each}`, ahead.format(each, "day")]), ["", say("token.never")]], "30");
  const create = async (form) => {
    shown.replaceChildren();
    const expires = days.value && new Date(Date.now() + days.value * 86_400_000).toISOString();
    const made = await post("tokens", { name: name.value, scopes: [scope.value], expires_at: expires || null });
    shown.replaceChildren(makeTokenText(made));
    form.reset();
    await renewed();
  };
  return make(
    "div", {}, shown,
    makeForm(
      say("token.create"), say("token.go"), create,
      makeEntry(say("head.name"), "/name", name, say("token.namehelp")),
      makeEntry(say("head.scopes"), "/scopes", scope),
      makeEntry(say("head.expires"), "/expires_at", days),
    ),
  );
}

function makeTokenText({ name, token }) {
  const text = make("input", { class: "secret", readonly: true, value: token, "aria-label": say("token.text", { name }), onfocus: (event) => event.target.select() });
  const copy = async () => {
    text.select();
    // pages that are neither encrypted nor of this machine have no clipboard of their own
    const copied = navigator.clipboard ? await navigator.clipboard.writeText(token).then(() => true) : document.execCommand("copy");
    if (copied) announce(say("token.copied"));
  };
  return make(
    "div", { class: "notice" },
    make("p", {}, make("strong", {}, say("token.once", { name }))),
    make("div", { class: "buttons" }, text, make("button", { type: "button", class: "plain", onclick: copy }, say("token.copy"))),
  );
}

async function showWebhooks(place, signal) {
  const webhooks = await getAll("webhooks", signal);
  const headings = ["address", "events", "by", "created", "edit"].map((name) => say(`head.${name}`));
  const rows = webhooks.map((each) => [
    make("code", {}, each.url), each.events.map((event) => say(`event.${event}`)).join(", "), each.created_by, makeTime(each.created_at),
    makeRemove(each.url, say("form.remove"), say("webhook.drop", each), address`webhooks/${each.id}`),
  ]);
  place.append(
    rows.length ? makeTable(say("access.webhooks"), headings, rows) : make("p", { class: "quiet" }, say("webhook.none")),
    makeWebhookForm(),
  );
}

function makeWebhookForm() {
  const url = make("input", { name: "url", type: "url", autocomplete: "off", spellcheck: "false" });
  const boxes = EVENTS.map((event) => makeCheckbox(say(`event.${event}`), "event", { value: event, checked: TOLD.includes(event) }));
  const create = async (form) => {
    await post("webhooks", { url: url.value.trim(), events: new FormData(form).getAll("event") });
    window.dispatchEvent(new Event("hashchange"));
  };
  return makeForm(
    say("webhook.create"), say("webhook.go"), create,
    makeEntry(say("head.address"), "/url", url, say("webhook.help")),
    make("fieldset", {}, make("legend", {}, say("head.events")), boxes),
  );
}

async function showAudit(place, signal) {
  const body = make("div");
  place.append(body);
  await addAudit(body, "", signal);
}

async function addAudit(place, cursor, signal) {
  const page = await get(`audit?limit=${PAGE}${cursor && address`&cursor=${cursor}`}`, signal);
  const headings = ["time", "by", "what", "target"].map((name) => say(`head.${name}`));
  const rows = page.items.map(({ time, who, what, target }) => [makeTime(time), who, make("code", {}, what), make("code", {}, target)]);
  place.append(rows.length ? makeTable(say("access.audit"), headings, rows) : make("p", { class: "quiet" }, say("nothing")));
  if (page.next) place.append(makeOlder(place, page.next, signal));
}

function makeOlder(place, cursor, signal) {
  const refused = make("div");
  const show = guarded(refused, async ({ target }) => {
    target.disabled = true;
    try {
      await addAudit(place, cursor, signal);
      target.parentElement.remove();
    } finally {
      target.disabled = false;
    }
  });
  return make("div", {}, make("button", { type: "button", class: "plain older", onclick: show }, say("audit.older")), refused);
}
