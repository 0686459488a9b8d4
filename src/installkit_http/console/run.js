// A run as it happens. The service says how it stands; events say when to look again, and how far the logs have come.

import { address, get, pause, post, Problem, urlOf } from "./api.js";
import { makeApproval } from "./approval.js";
import { announce, make, makeSection, renew } from "./elements.js";
import { makeFindings } from "./checks.js";
import { makeFailures } from "./failures.js";
import { makeFollowUps } from "./followups.js";
import { followRun } from "./live.js";
import { BAD, LogPanel } from "./logpanel.js";
import { durationText, linkToRun, linkToSite, makeFacts, makeProblem, makeStatus, makeTime } from "./marks.js";
import { allows } from "./rights.js";
import { makeHostTable, makeStepTable } from "./steps.js";
import { say } from "./words.js";

const FINAL = ["succeeded", "failed", "canceled", "timed_out", "interrupted"];
const TURNS = ["run_started", "step_started", "step_finished", "run_finished", "cancel_requested", "approval_requested", "approved"];

export async function showRun(main, [id], signal) {
  const page = new RunPage(await get(address`runs/${id}`, signal), signal);
  main.replaceChildren(...page.elements);
  page.follow().catch((error) => page.show(error));
}

class RunPage {
  #again = false; // whether to look once more after the look under way
  #looking = false;

  constructor(run, signal) {
    Object.assign(this, { run, signal, follows: true }); // follows: goes along to the step that begins
    this.connection = make("span", { class: "connection", role: "status", "aria-label": say("live.label") });
    this.place = Object.fromEntries(["facts", "actions", "problem", "approval", "failures", "checks", "steps", "hosts"].map((name) => [name, make("div")]));
    this.panel = new LogPanel(signal, (step) => this.select(step));
    this.elements = this.#layOut();
    this.#setConnection("connecting");
    this.draw();
    this.select(this.#interesting());
    const clock = setInterval(() => this.#tick(), 1000);
    signal.addEventListener("abort", () => clearInterval(clock));
  }

  get final() {
    return FINAL.includes(this.run.status);
  }

  /** Follow the run to its end, or until the page is left. */
  async follow() {
    const viewer = {
      event: (event) => this.#take(event),
      state: (word) => { this.#setConnection(word); if (word === "connected") this.look(); },
      end: () => this.#end(),
    };
    await followRun(this.run.id, this.run.last_seq, viewer, this.signal);
  }

  /** Ask how the run stands, as often as there is reason to, but one question after the other. */
  async look() {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#again && !this.signal.aborted) {
      this.#again = false;
      const begun = performance.now();
      try {
        this.#update(await get(address`runs/${this.run.id}`, this.signal));
      } catch (error) {
        if (error instanceof Problem && error.status < 500) this.show(error);
        else this.#again = true; // the service is away, and will be asked until it is back
      }
      await pause(400 + 2 * (performance.now() - begun), this.signal).catch(() => null); // left: the loop ends
    }
    this.#looking = false;
  }

  #update(run) {
    const before = this.run.status;
    this.run = run;
    this.draw();
    if (run.status !== before) announce(say("run.announce", { id: run.id, status: say(`status.${run.status}`) }));
  }

  draw() {
    const { run, place } = this;
    const { steps, last_seq: _, ...rest } = run;
    renew(place.facts, rest, () => this.#makeFacts());
    renew(place.actions, [this.final, run.cancel_requested_at], () => this.#makeActions());
    renew(place.approval, [run.status === "waiting", run.steps.map(({ status }) => status === "waiting")], () => makeApproval(run, () => this.look(), this.signal));
    renew(place.failures, run.failures, () => makeFailures(run.failures));
    renew(place.checks, run.steps.map(({ checks }) => checks), () => makeFindings(run));
    this.#drawSteps();
    for (const step of run.steps) this.panel.setSize(step.id, step.log_size);
    this.panel.setSteps(run.steps, this.step);
  }

  show(error) {
    if (!this.signal.aborted) this.place.problem.replaceChildren(makeProblem(error));
  }

  /** Show the log of the step with the id *step*. */
  select(step) {
    if (!step || step === this.step) return;
    this.step = step;
    this.panel.select(this.run.id, this.run.steps.find(({ id }) => id === step));
    this.draw();
  }

  #layOut() {
    this.title = make("h1", {}, say("run.title", { id: this.run.id }));
    this.status = make("span");
    const heading = make("div", { class: "heading" }, this.title, this.status, this.connection, this.place.actions);
    this.hosts = make("details", { ontoggle: () => this.#drawSteps() }, make("summary", {}, say("run.hosts")), this.place.hosts);
    return [
      heading, this.place.problem, this.place.approval, this.place.facts, this.place.failures, this.place.checks,
      make(
        "div", { class: "columns" },
        makeSection(say("run.steps"), this.place.steps, this.hosts),
        makeSection(say("run.log"), this.panel.element),
      ),
    ];
  }

  #drawSteps() {
    const { place, step: chosen } = this;
    const steps = this.run.steps.map((step) => (step.status === "running" ? { ...step, duration: elapsed(step) } : step));
    const choose = (id) => { this.follows = false; this.select(id); };
    renew(place.steps, [steps, chosen], () => makeStepTable(steps, chosen, choose));
    if (this.hosts.open) renew(place.hosts, steps.map((step) => step.host_statuses), () => makeHostTable(steps));
  }

  #makeFacts() {
    const { run } = this;
    this.status.replaceChildren(makeStatus(run.status));
    this.clock = make("span", {}, this.#durationText());
    return makeFacts(
      [say("head.site"), linkToSite(run.site)],
      [say("run.note"), run.note],
      [say("run.by"), run.requested_by],
      [say("run.started"), makeTime(run.started_at)],
      [say("run.duration"), this.clock],
      [say("run.progress"), `${run.progress.done} / ${run.progress.total}`],
      [say("run.continues"), run.continues && linkToRun(run.continues)],
      [say("run.reason"), run.reason],
      [say("run.elsewhere"), run.carried_elsewhere],
    );
  }

  #durationText() {
    return durationText(this.final || !this.run.started_at ? this.run.duration : elapsed(this.run));
  }

  #tick() {
    if (this.final) return;
    this.clock.textContent = this.#durationText();
    this.#drawSteps();
  }

  #makeActions() {
    const report = make("a", { class: "plain", download: "", href: urlOf(address`runs/${this.run.id}/report`) }, say("run.report"));
    if (this.final) return [report, ...makeFollowUps(this.run, this.place.problem)].filter(Boolean);
    const canceling = this.run.cancel_requested_at ? make("span", { class: "quiet" }, say("run.canceling")) : "";
    return [canceling, report, allows("operate") ? this.#makeCancel() : ""];
  }

  #makeCancel() {
    return make("button", { class: "danger", onclick: () => this.#askCancel() }, say("run.cancel"));
  }

  #askCancel() {
    const dialog = make("dialog", { "aria-label": say("cancel.title"), onclose: () => this.#cancel(dialog) });
    const choice = (value, words, name) => make("button", { value, class: name }, say(words));
    dialog.append(
      make(
        "form", { method: "dialog" },
        make("h2", {}, say("cancel.title")), make("p", {}, say("cancel.help")),
        make("div", { class: "buttons" }, choice("", "cancel.keep", "plain"), choice("end", "cancel.end", ""), choice("now", "cancel.now", "danger")),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  }

  async #cancel(dialog) {
    dialog.remove();
    if (!dialog.returnValue) return;
    try {
      await post(address`runs/${this.run.id}/cancel`, { now: dialog.returnValue === "now" });
      this.look();
    } catch (error) {
      this.show(error);
    }
  }

  /** One event, once: it moves the logs' ends and the hosts' statuses; what turns the run is asked for whole. */
  #take(event) {
    const step = this.run.steps.find(({ id }) => id === event.step);
    if (event.log) this.panel.setSize(event.step, event.log.end);
    if (TURNS.includes(event.kind)) this.look();
    if (event.kind === "step_started" && this.follows && this.panel.follow) this.select(event.step);
    if (event.kind === "task_result" && event.seq > this.run.last_seq) turnHost(step.host_statuses, event);
  }

  #end() {
    this.#setConnection("ended");
    this.look();
  }

  #setConnection(word) {
    if (this.connection.dataset.state === word) return;
    this.connection.dataset.state = word;
    this.connection.textContent = say(`live.${word}`);
  }

  /** The step that one would look at first: the one running, the one that failed, else the last that began. */
  #interesting() {
    const { steps } = this.run;
    const found = ["running", "waiting", "failed", "timed_out", "interrupted"].map((word) => steps.find(({ status }) => status === word));
    return (found.find(Boolean) ?? steps.findLast(({ started_at: started }) => started) ?? steps[0])?.id;
  }
}

/** Move a host to where a result puts it; one that goes on after a failure was rescued, which nothing told before. */
function turnHost(hosts, { host, status, data }) {
  if (BAD.includes(status)) hosts[host] = data.ignored ? hosts[host] : status;
  else if (status === "changed") hosts[host] = "changed";
  else if (BAD.includes(hosts[host])) hosts[host] = "running";
}

/** Whole seconds since *thing*, a run or step under way, began; never less than the service knew of. */
function elapsed({ started_at: started, duration }) {
  return Math.floor(Math.max(duration ?? 0, (Date.now() - Date.parse(started)) / 1000));
}
