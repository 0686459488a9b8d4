import { address, get } from "./api.js";
import { make, makeTable } from "./elements.js";
import { durationText, linkToRun, linkToSite, makeStatus, makeTime } from "./marks.js";
import { say } from "./words.js";

const PAGE = 50;
const STATUSES = ["pending", "running", "waiting", "succeeded", "failed", "canceled", "timed_out", "interrupted"];

/** Show the history of runs, newest first. */
export async function showRuns(main, _, signal) {
  const list = make("div");
  const words = STATUSES.map((name) => make("option", { value: name }, say(`status.${name}`)));
  const choose = (event) => showList(list, event.target.value && address`&status=${event.target.value}`, signal);
  const filter = make("select", { onchange: choose }, make("option", { value: "" }, say("runs.any")), words);
  const label = make("label", { class: "field inline" }, make("span", {}, say("runs.status")), filter);
  main.replaceChildren(make("h1", {}, say("runs.title")), label, list);
  await showList(list, "", signal);
}

/** Show in *place* the runs that *filter*, as in "&site=acme", lets through, and a button for older ones. */
export async function showList(place, filter, signal, cursor = null) {
  const page = await get(`runs?limit=${PAGE}${filter}${cursor ? address`&cursor=${cursor}` : ""}`, signal);
  const more = page.next && make("button", { class: "plain", onclick: () => older(place, filter, signal, page.next) }, say("runs.more"));
  const shown = page.items.length ? makeRunTable(page.items) : make("p", { class: "quiet" }, say("runs.none"));
  if (cursor === null) place.replaceChildren(shown);
  else place.append(shown);
  if (more) place.append(more);
}

async function older(place, filter, signal, cursor) {
  place.querySelector("button").remove();
  await showList(place, filter, signal, cursor);
}

function makeRunTable(runs) {
  const headings = ["run", "status", "site", "note", "by", "started", "duration", "progress"].map((name) => say(`head.${name}`));
  return makeTable(say("runs.title"), headings, runs.map(cellsOf));
}

function cellsOf(run) {
  const steps = `${run.progress.done}/${run.progress.total}`;
  return [
    linkToRun(run.id), makeStatus(run.status), linkToSite(run.site), makeNote(run.note), run.requested_by,
    makeTime(run.started_at ?? run.created_at), durationText(run.duration), steps,
  ];
}

function makeNote(note) {
  return note ? make("div", { class: "remark", title: note }, note) : "–";
}
