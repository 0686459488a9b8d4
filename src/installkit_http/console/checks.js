// The checks of a plan: looked at before it is started, and ignored, with a reason, where that may be.

import { address, get, pause, post } from "./api.js";
import { announce, make, makeId, makeSection, makeTable } from "./elements.js";
import { makeFailures } from "./failures.js";
import { guarded, linkToRun, makeStatus } from "./marks.js";
import { say } from "./words.js";

const ORDER = ["fail", "warn", "pass"]; // the worst first
const MOST_HOSTS = 8;
const LOOK_EVERY = 700; // milliseconds

/** Make the section of *plan*'s checks; nothing is checked before somebody asks for it. *secrets* returns those given. */
export function makeChecks(plan, secrets, signal) {
  const found = make("div", {});
  const run = guarded(found, async (event) => {
    const button = event.target;
    button.disabled = true;
    announce(say("checks.running"));
    try {
      const begun = await post(address`plans/${plan.id}/checks`, { secrets: secrets() });
      found.replaceChildren(make("p", { class: "quiet", role: "status" }, say("checks.running"), " ", linkToRun(begun.id)));
      show(found, await ended(begun, signal));
    } finally {
      button.disabled = false;
    }
  });
  const button = make("button", { type: "button", class: "plain", onclick: run }, say("checks.go"));
  return makeSection(say("checks.title"), make("p", { class: "quiet" }, say("checks.help")), button, found);
}

/** Return the run of the checks that were made in *page*, for the start to count; true, for it to check, where none was. */
export function madeChecks(page) {
  return page.querySelector("[data-checked]")?.dataset.checked ?? true;
}

/** Return why each check is ignored, by its name, as it was written in *page*. */
export function ignoredChecks(page) {
  const reasons = [...page.querySelectorAll("input[data-check]")].map(({ dataset, value }) => [dataset.check, value.trim()]);
  return Object.fromEntries(reasons.filter(([, reason]) => reason));
}

/** What the checks of *run* found, the worst first, open where one did not pass; empty where it made none. */
export function makeFindings(run) {
  const checks = checksOf(run);
  if (!checks.length) return [];
  const summary = make("summary", {}, `${say("checks.title")} – ${summaryOf(checks)}`);
  return [make("details", { open: checks[0].status !== "pass" }, summary, makeCheckTable(checks))];
}

/** Return *run* once it has ended. */
async function ended(run, signal) {
  while (!run.finished_at) {
    await pause(LOOK_EVERY, signal);
    run = await get(address`runs/${run.id}`, signal);
  }
  return run;
}

function show(place, run) {
  const checks = checksOf(run);
  const asked = new Set();
  place.dataset.checked = run.id;
  const broken = run.failures.filter(({ code }) => code !== "check_failed"); // what no check found
  place.replaceChildren(
    make("p", {}, summaryOf(checks), " ", linkToRun(run.id)),
    ...makeFailures(broken),
    ...(checks.length ? [makeCheckTable(checks, (check) => makeIgnore(check, asked))] : []),
  );
  announce(summaryOf(checks));
}

function checksOf(run) {
  const checks = run.steps.flatMap((step) => step.checks);
  return checks.sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
}

function summaryOf(checks) {
  const counts = Object.fromEntries(ORDER.map((status) => [status, checks.filter((check) => check.status === status).length]));
  return checks.length ? say("checks.done", counts) : say("checks.none");
}

/** Make the table of *checks*; *ask*, where there is one, makes of one what lets it be ignored. */
function makeCheckTable(checks, ask = null) {
  const columns = ["check", "status", "hosts", "found", ask ? "ignore" : "ignored"];
  if (!ask && !checks.some(({ ignored }) => ignored)) columns.pop();
  const rows = checks.map((check) => cellsOf(check, ask).slice(0, columns.length));
  return makeTable(say("checks.title"), columns.map((name) => say(`head.${name}`)), rows);
}

function cellsOf(check, ask) {
  const { name, hosts, message, remedy } = check;
  const shown = hosts.slice(0, MOST_HOSTS).join(", ");
  return [
    makeId(name), makeStatus(check.status),
    hosts.length > MOST_HOSTS ? `${shown}, ${say("hosts.more", { count: hosts.length - MOST_HOSTS })}` : shown || "–",
    make("div", { class: "found" }, make("span", {}, message), remedy ? make("p", { class: "quiet" }, `${say("checks.remedy")}: ${remedy}`) : null),
    check.ignored ? say("checks.ignored", check.ignored) : (ask?.(check) ?? ""),
  ];
}

/** A field for the reason; one for each name, which may stand in several rows. */
function makeIgnore({ name, status, ignorable }, asked) {
  if (status !== "fail") return "";
  if (!ignorable) return say("checks.must");
  if (asked.has(name)) return "";
  asked.add(name);
  const label = say("checks.ignore", { name });
  return make("input", { "data-check": name, "aria-label": label, placeholder: label, autocomplete: "off" });
}
