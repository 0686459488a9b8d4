// What comes after a run that has ended: plans of what is left of it, and of the way back.

import { make } from "./elements.js";
import { guarded } from "./marks.js";
import { makePlan } from "./request.js";
import { allows } from "./rights.js";
import { say } from "./words.js";

const UNDONE = ["install", "upgrade"];

/** The buttons that plan what comes after *run*; what is refused is shown in *refused*. */
export function makeFollowUps(run, refused) {
  if (!allows("operate")) return [];
  const button = (wanted, name, words) => makePlanButton(run, { [wanted]: run.id }, name, words, refused);
  return [
    leavesRest(run) ? button("resume", "", "run.rest") : null,
    changedHosts(run) ? button("rollback", "plain", "run.rollback") : null,
  ];
}

function makePlanButton(run, request, name, words, refused) {
  const plan = guarded(refused, async ({ target }) => {
    target.disabled = true;
    try {
      await makePlan(run.site, request);
    } finally {
      target.disabled = false;
    }
  });
  return make("button", { type: "button", class: name, onclick: plan }, say(words));
}

/** Whether something is left to do: not of a run that only checked. */
function leavesRest({ status, steps }) {
  return status !== "succeeded" && steps.some(({ action }) => action !== "check");
}

/** Whether the run did what can be undone; one in check mode, which has another id than its plan, changed nothing. */
function changedHosts({ id, plan, steps }) {
  return id === plan && steps.some(({ action, started_at: started }) => UNDONE.includes(action) && started);
}
