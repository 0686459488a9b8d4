import { address, get, post } from "./api.js";
import { announce, make } from "./elements.js";
import { guarded } from "./marks.js";
import { allows } from "./rights.js";
import { say } from "./words.js";

/** Whether something of *run* waits for somebody's approval. */
export function awaitsApproval(run) {
  return run.status === "waiting" || run.steps.some(({ status }) => status === "waiting");
}

/** Say that *run* waits, for what, and let it go on; empty if it does not. *approved* is called once it was. */
export function makeApproval(run, approved, signal) {
  if (!awaitsApproval(run)) return [];
  const refused = make("div");
  const asked = make("p", { class: "asked" });
  const approve = guarded(refused, async () => {
    await post(address`runs/${run.id}/approve`);
    announce(say("approve.done"));
    approved();
  });
  findMessage(run, signal).then((message) => asked.append(message), () => null); // the page is left, or says itself what is wrong
  return [
    make(
      "section", { class: "notice approval", "aria-label": say("approve.title") },
      make("h2", {}, say("approve.title")), asked, make("p", { class: "quiet" }, say("approve.help")),
      allows("operate") ? make("button", { type: "button", onclick: approve }, say("approve.go")) : null, refused,
    ),
  ];
}

/** What the last event that asked for an approval said. */
async function findMessage(run, signal) {
  let message = "";
  for (let after = 0, page = null; page === null || page.next > after; ) {
    after = page?.next ?? 0;
    page = await get(address`runs/${run.id}/events?kind=approval_requested&limit=1000&after=${after}`, signal);
    message = page.items.at(-1)?.message ?? message;
  }
  return message;
}
