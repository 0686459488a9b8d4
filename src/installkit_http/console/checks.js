// The checks of a plan: looked at before it is started, and ignored, with a reason, where that may be.

import { address, post } from "./api.js";
import { announce, make, makeSection, makeTable } from "./elements.js";
import { guarded, makeStatus } from "./marks.js";
import { say } from "./words.js";

const ORDER = ["fail", "warn", "pass"]; // the worst first
const MOST_HOSTS = 8;

/** Make the section of *plan*'s checks; nothing is checked before somebody asks for it. */
export function makeChecks(plan) {
  const found = make("div");
  const run = guarded(found, async (event) => {
    const button = event.target;
    button.disabled = true;
    announce(say("checks.running"));
    found.replaceChildren(make("p", { class: "quiet" }, say("checks.running")));
    try {
      show(found, await post(address`plans/${plan.id}/checks`));
    } finally {
      button.disabled = false;
    }
  });
  const button = make("button", { type: "button", class: "plain", onclick: run }, say("checks.go"));
  return makeSection(say("checks.title"), make("p", { class: "quiet" }, say("checks.help")), button, found);
}

/** Return why each check is ignored, by its name, as it was written in *page*. */
export function ignoredChecks(page) {
  const reasons = [...page.querySelectorAll("input[data-check]")].map(({ dataset, value }) => [dataset.check, value.trim()]);
  return Object.fromEntries(reasons.filter(([, reason]) => reason));
}

function show(place, checks) {
  const counts = Object.fromEntries(ORDER.map((status) => [status, checks.filter((check) => check.status === status).length]));
  const summary = checks.length ? say("checks.done", counts) : say("checks.none");
  const sorted = checks.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  const headings = ["check", "status", "hosts", "found", "ignore"].map((name) => say(`head.${name}`));
  const asked = new Set();
  const rows = sorted.map((check) => cellsOf(check, asked));
  place.replaceChildren(make("p", {}, summary), ...(rows.length ? [makeTable(say("checks.title"), headings, rows)] : []));
  announce(summary);
}

function cellsOf(check, asked) {
  const { name, hosts, message, remedy } = check;
  const shown = hosts.slice(0, MOST_HOSTS).join(", ");
  return [
    make("code", {}, name), makeStatus(check.status),
    hosts.length > MOST_HOSTS ? `${shown}, ${say("hosts.more", { count: hosts.length - MOST_HOSTS })}` : shown || "–",
    make("div", {}, make("span", {}, message), remedy ? make("p", { class: "quiet" }, `${say("checks.remedy")}: ${remedy}`) : null),
    makeIgnore(check, asked),
  ];
}

/** A field for the reason; one for each name, which may stand in several rows. */
function makeIgnore({ name, status, ignorable, ignored }, asked) {
  if (ignored) return say("checks.ignored", ignored);
  if (status !== "fail") return "";
  if (!ignorable) return say("checks.must");
  if (asked.has(name)) return "";
  asked.add(name);
  const label = say("checks.ignore", { name });
  return make("input", { "data-check": name, "aria-label": label, placeholder: label, autocomplete: "off" });
}
