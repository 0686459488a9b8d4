// Small things that many pages show: statuses, times, durations, and refusals.

import { Problem } from "./api.js";
import { make, makeId } from "./elements.js";
import { currentLanguage, say } from "./words.js";

const SIGNS = {
  pending: "○", running: "●", waiting: "◐", succeeded: "✓", failed: "✗", canceled: "■", timed_out: "◷", interrupted: "?",
  skipped: "–", ok: "✓", changed: "✓", unreachable: "⚡", unfinished: "…", installed: "✓", changing: "●", unknown: "?",
  pass: "✓", warn: "!", fail: "✗",
};

/** A status as a word with its sign; colour alone says nothing. */
export function makeStatus(status) {
  return make("span", { class: `status ${status}` }, signOf(status), " ", say(`status.${status}`));
}

export function signOf(status) {
  return make("span", { "aria-hidden": "true" }, SIGNS[status] ?? "·");
}

/** Seconds for people: 4.2 s, 3 min 20 s, 1 h 02 min. */
export function durationText(seconds) {
  if (seconds == null) return "–";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** A moment in the reader's zone and language, exact in its tooltip. */
export function makeTime(text) {
  if (!text) return "–";
  const language = currentLanguage();
  const locale = navigator.languages.find((each) => each.startsWith(language)) ?? language;
  const shown = new Date(text).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
  return make("time", { datetime: text, title: text }, shown);
}

export function linkToRun(run) {
  return run ? make("a", { href: `#/runs/${encodeURIComponent(run)}` }, makeId(run)) : "–";
}

export function linkToSite(site) {
  return make("a", { href: `#/sites/${encodeURIComponent(site)}` }, site);
}

/** Name and value pairs; pairs without a value are left out. */
export function makeFacts(...pairs) {
  const shown = pairs.filter(([, value]) => value != null && value !== "");
  return make("dl", { class: "facts" }, shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

const OF_A_RUN = ["adopt", "cancel", "resume", "show", "watch"]; // commands that a run's page has buttons for

/** What a refusal or a failure of the network says, and what to do about it. */
export function makeProblem(error) {
  if (!(error instanceof Problem)) return make("div", { class: "problem", role: "alert" }, offlineText(error));
  const { code, detail, remedy, holder, changes, command } = error.body;
  const destroys = code === "plan_destructive"; // the plan's page has a box to consent
  return make(
    "div", { class: "problem", role: "alert" },
    make("p", {}, make("strong", {}, say("problem.title")), code ? make("code", {}, code) : null),
    make("p", { class: "detail" }, detail),
    holder ? make("p", {}, say("problem.holder", holder), " ", linkToRun(holder.run)) : null,
    changes?.length ? makeList(say(destroys ? "problem.destroys" : "problem.changes"), changes) : null,
    remedy ? make("p", {}, make("strong", {}, `${say("problem.remedy")}: `), destroys ? say("problem.consent") : remedy) : null,
    !holder && OF_A_RUN.includes(command?.[0]) ? make("p", {}, linkToRun(command[1])) : null,
  );
}

function offlineText(error) {
  return error instanceof TypeError ? `${say("problem.offline")} (${error.message})` : error.message;
}

function makeList(title, lines) {
  return [make("p", {}, title), make("ul", {}, lines.map((line) => make("li", {}, line)))];
}

/** Return a listener that prevents what the browser would do, and shows in *place* what *act* throws. */
export function guarded(place, act) {
  return async (event) => {
    event.preventDefault();
    place.replaceChildren();
    try {
      await act(event);
    } catch (error) {
      place.replaceChildren(makeProblem(error));
    }
  };
}
