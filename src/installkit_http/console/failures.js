import { make, makeSection } from "./elements.js";
import { makeFacts } from "./marks.js";
import { say } from "./words.js";

/** What went wrong, *failures* of a run: where, what was said, what to do about it; empty if nothing did. */
export function makeFailures(failures) {
  if (!failures.length) return [];
  return [makeSection(say("run.failures"), failures.map(makeFailure))];
}

const MOST_NAMES = 20;

/** *names* in one line; of many the first, and how many more there are. */
function named(names) {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (more > 0 ? ` ${say("failure.more", { number: more })}` : "");
}

function makeFailure(failure) {
  const place = [failure.code, failure.task, failure.location].filter(Boolean).join(" · ");
  return make(
    "article", { class: "problem" },
    make("h3", {}, failure.summary),
    makeFacts(
      [say("failure.where"), place],
      [say("failure.steps"), failure.steps.length > 1 ? named(failure.steps) : null],
      [say("failure.hosts"), named(failure.hosts)],
      [say("failure.message"), make("pre", { tabindex: 0 }, failure.message)],
      [say("failure.remedy"), failure.remedy],
      [say("failure.next"), failure.next && make("code", {}, failure.next.command)],
    ),
  );
}
