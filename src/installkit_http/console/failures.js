import { address, post } from "./api.js";
import { make, makeSection } from "./elements.js";
import { guarded, makeFacts } from "./marks.js";
import { say } from "./words.js";

/** What went wrong in *run*: where, what was said, what to do about it, and how to go on; empty if nothing did. */
export function makeFailures(run) {
  if (!run.failures.length) return [];
  return [makeSection(say("run.failures"), run.failures.map((failure) => makeFailure(run, failure)))];
}

function makeFailure(run, failure) {
  const place = [failure.code, failure.task, failure.location].filter(Boolean).join(" · ");
  return make(
    "article", { class: "problem" },
    make("h3", {}, failure.summary),
    makeFacts(
      [say("failure.where"), place],
      [say("failure.hosts"), failure.hosts.join(", ")],
      [say("failure.message"), make("pre", { tabindex: 0 }, failure.message)],
      [say("failure.remedy"), failure.remedy],
      [say("failure.next"), failure.next && makeNext(run, failure.next)],
    ),
  );
}

function makeNext(run, next) {
  const refused = make("div");
  const plan = guarded(refused, async () => {
    const made = await post(address`sites/${run.site}/plans`, { resume: next.run });
    location.hash = address`#/plans/${made.id}`;
  });
  const button = ["resume", "ignore"].includes(next.action) && make("button", { onclick: plan }, say("failure.resume"));
  return make("div", {}, make("code", {}, next.command), " ", button || null, refused);
}
