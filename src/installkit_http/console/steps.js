import { make, makeTable } from "./elements.js";
import { durationText, makeStatus, signOf } from "./marks.js";
import { say } from "./words.js";

const MOST_HOSTS = 200;
const ORDER = ["failed", "unreachable", "unfinished", "running", "changed", "ok", "skipped", "pending"]; // the worst first

/** The steps of a run, each with a button that *choose*s its log; *chosen* is the id of the one shown. */
export function makeStepTable(steps, chosen, choose) {
  const headings = ["step", "status", "duration", "hosts"].map((name) => say(`head.${name}`));
  const rows = steps.map((step) => [
    makeChoice(step, step.id === chosen, choose), makeStatus(step.status),
    durationText(step.duration), makeCounts(step.host_statuses),
  ]);
  return makeTable(say("run.steps"), headings, rows);
}

function makeChoice(step, chosen, choose) {
  const attributes = { class: "link", "data-name": step.id, "aria-pressed": `${chosen}`, title: say("run.showlog", { step: step.id }), onclick: () => choose(step.id) };
  return make("button", attributes, step.id);
}

function makeCounts(statuses) {
  const counts = new Map();
  for (const status of Object.values(statuses)) counts.set(status, (counts.get(status) ?? 0) + 1);
  const shown = ORDER.filter((status) => counts.has(status));
  return make("span", { class: "counts" }, shown.map((status) => make("span", { class: `status ${status}` }, `${counts.get(status)} ${say(`status.${status}`)}`)));
}

/** Every host of *steps* with how it fared in each, the worst first; of very many, the first. */
export function makeHostTable(steps) {
  const hosts = [...new Set(steps.flatMap((step) => Object.keys(step.host_statuses)))];
  const rank = (host) => Math.min(...steps.map((step) => step.host_statuses[host]).filter(Boolean).map((status) => ORDER.indexOf(status)));
  const sorted = hosts.map((host) => [rank(host), host]).sort(([a, x], [b, y]) => a - b || x.localeCompare(y));
  const shown = sorted.slice(0, MOST_HOSTS).map(([, host]) => host);
  const rows = shown.map((host) => [host, ...steps.map((step) => makeSign(step.host_statuses[host]))]);
  const table = makeTable(say("run.hosts"), [say("head.host"), ...steps.map((step) => `${step.seq} ${step.component}`)], rows);
  if (hosts.length > shown.length) table.append(make("p", { class: "quiet" }, say("run.more", { count: hosts.length - shown.length })));
  return table;
}

function makeSign(status) {
  if (!status) return "";
  const words = say(`status.${status}`);
  return make("span", { class: `status ${status}`, title: words }, signOf(status), make("span", { class: "unseen" }, words));
}
