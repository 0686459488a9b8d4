import { address, get, getAll, post, Problem, remove } from "./api.js";
import { ignoredChecks, madeChecks, makeChecks } from "./checks.js";
import { make, makeCheckbox, makeField, makeId, makeSection, makeTable } from "./elements.js";
import { makeGraph } from "./graph.js";
import { guarded, linkToRun, linkToSite, makeFacts, makeTime } from "./marks.js";
import { makePlan } from "./request.js";
import { allows } from "./rights.js";
import { say } from "./words.js";

/** Show a plan: what it changes, in what order, and how to start it. */
export async function showPlan(main, [id], signal) {
  const plan = await get(address`plans/${id}`, signal);
  const run = await findRun(plan.id, signal);
  const secrets = run ? [] : await secretsOf(plan, signal);
  main.replaceChildren(
    make("h1", {}, say("plan.title", { id: plan.id })),
    makeFacts(
      [say("head.site"), linkToSite(plan.site)],
      [say("head.summary"), plan.summary],
      [say("head.created"), makeTime(plan.created_at)],
      [say("run.continues"), plan.continues && linkToRun(plan.continues)],
    ),
    ...makeWarnings(plan.warnings),
    makeSection(say("plan.changes"), makeChanges(plan.changes)),
    ...(plan.steps.length ? makeSteps(plan.steps) : [make("p", { class: "notice" }, say("plan.empty"))]),
    ...(run ? [makeUsed(run)] : allows("operate") ? makeUse(plan, secrets, main, signal) : []),
  );
}

/** What may be done with *plan*, which no run has used up. */
function makeUse(plan, secrets, main, signal) {
  const checks = plan.steps.length ? [makeChecks(plan, () => givenSecrets(main), signal)] : [];
  return [...checks, makeStart(plan, secrets)];
}

function makeUsed(run) {
  const [before, after] = say("plan.used").split("{run}"); // the link stands between
  return make("p", { class: "notice" }, before, linkToRun(run.id), after);
}

/** The run that applied the plan has its id; null if none did. */
async function findRun(id, signal) {
  try {
    return await get(address`runs/${id}`, signal);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

async function secretsOf(plan, signal) {
  const concerned = new Set(plan.steps.map((step) => step.component));
  const components = concerned.size ? await getAll(address`sites/${plan.site}/components`, signal) : [];
  const parameters = components.filter(({ name }) => concerned.has(name)).flatMap((each) => each.parameters);
  return parameters.filter((parameter) => parameter.secret).map((parameter) => parameter.name);
}

function makeWarnings(warnings) {
  if (!warnings.length) return [];
  return [makeSection(say("plan.warnings"), make("ul", { class: "notice" }, warnings.map((each) => make("li", {}, each))))];
}

function makeChanges(changes) {
  const columns = ["component", "host", "change", "reason", "notes"];
  if (!changes.some(notesOf)) columns.pop();
  const headings = columns.map((name) => say(`head.${name}`));
  const rows = changes.map((change) =>
    [change.component, change.host, changeText(change), change.reason, notesOf(change)].slice(0, columns.length));
  return rows.length ? makeTable(say("plan.changes"), headings, rows) : make("p", { class: "quiet" }, say("nothing"));
}

function notesOf({ disruptive, destructive }) {
  return [disruptive && say("plan.disruptive"), destructive && say("plan.destroys")].filter(Boolean).join(", ");
}

function changeText({ action, from_version: from, to_version: to }) {
  if (action === null) return make("span", { class: "quiet" }, say("unchanged"));
  const versions = from && to && from !== to ? `${from} → ${to}` : (to ?? from ?? "");
  return `${say(`action.${action}`)} ${versions}`;
}

function makeSteps(steps) {
  const headings = ["step", "action", "hosts", "playbook", "needs"].map((name) => say(`head.${name}`));
  const rows = steps.map((step) => [
    makeId(step.id), say(`action.${step.action}`), step.hosts.join(", "), make("code", {}, step.playbook),
    [step.needs.length ? step.needs.map(makeId) : "–", step.approve ? make("p", { class: "status waiting" }, say("plan.waits")) : null],
  ]);
  return [
    makeSection(say("plan.graph"), makeGraph(steps)),
    makeSection(say("plan.steps"), makeTable(say("plan.steps"), headings, rows)),
  ];
}

function makeStart(plan, secrets) {
  const refused = make("div");
  const discard = guarded(refused, async () => {
    await remove(address`plans/${plan.id}`);
    location.hash = address`#/sites/${plan.site}/plans`;
  });
  const buttons = [make("button", { type: "button", class: "plain", onclick: discard }, say("plan.delete"))];
  if (!plan.steps.length) return make("div", { class: "card" }, buttons, refused);
  const start = guarded(refused, async ({ target, submitter }) => {
    submitter.disabled = true;
    try {
      await startRun(plan, new FormData(target), refused);
    } finally {
      submitter.disabled = false;
    }
  });
  const destroys = plan.changes.some((change) => change.destructive);
  return make(
    "form", { class: "card", onsubmit: start, "aria-label": say("plan.start") },
    make("h2", {}, say("plan.start")),
    makeField(say("plan.note"), "note", { autocomplete: "off", maxlength: 500 }),
    secrets.length ? makeSecrets(secrets) : null,
    makeCheckbox(say("plan.check"), "check_mode"),
    destroys ? makeCheckbox(say("plan.destructive"), "destructive") : null,
    make("div", { class: "buttons" }, make("button", {}, say("plan.go")), buttons), refused,
  );
}

function makeSecrets(names) {
  const options = { type: "password", autocomplete: "off" };
  const fields = names.map((name) => makeField(say("plan.secret", { name }), `secret-${name}`, options));
  return make("fieldset", {}, make("legend", {}, say("plan.secrets")), fields);
}

/** Return the secrets that were typed in *page*, by their names. */
function givenSecrets(page) {
  const inputs = [...page.querySelectorAll("input[name^=secret-]")].filter(({ value }) => value);
  return Object.fromEntries(inputs.map(({ name, value }) => [name.slice("secret-".length), value]));
}

async function startRun(plan, form, refused) {
  try {
    const main = document.getElementById("main");
    const [secrets, ignored] = [givenSecrets(main), ignoredChecks(main)];
    const consent = { allow_destructive: form.has("destructive"), checks: madeChecks(main), ignore_checks: ignored };
    const options = { note: form.get("note"), check_mode: form.has("check_mode"), secrets, ...consent };
    const run = await post(address`plans/${plan.id}/runs`, options);
    location.hash = address`#/runs/${run.id}`;
  } catch (error) {
    if (error.body?.code === "plan_stale") offerAnew(plan, refused);
    throw error;
  }
}

/** What was true when the plan was made is no more: offer the same request again. */
function offerAnew(plan, refused) {
  const again = guarded(refused, async () => {
    const request = Object.fromEntries(Object.entries(plan.request).filter(([, value]) => value !== null));
    const resumes = plan.continues && !plan.request.rollback;
    await makePlan(plan.site, resumes ? { resume: plan.continues } : request);
  });
  refused.parentElement.querySelector(".anew")?.remove();
  refused.after(make("button", { type: "button", class: "anew", onclick: again }, say("plan.again")));
}
