import { make, makeSection } from "./elements.js";
import { makeFacts } from "./marks.js";
import { say } from "./words.js";

/** What went wrong, *failures* of a run: where, what was said, what to do about it; empty if nothing did. */
export function makeFailures(failures) {
  if (!failures.length) return [];
  return [makeSection(say("run.failures"), failures.map(makeFailure))];
}

function makeFailure(failure) {
  const place = [failure.code, failure.task, failure.location].filter(Boolean).join(" · ");
  return make(
    "article", { class: "problem" },
    make("h3", {}, failure.summary),
    makeFacts(
      [say("failure.where"), place],
      [say("failure.hosts"), failure.hosts.join(", ")],
      [say("failure.message"), make("pre", { tabindex: 0 }, failure.message)],
      [say("failure.remedy"), failure.remedy],
      [say("failure.next"), failure.next && make("code", {}, failure.next.command)],
    ),
  );
}
