// The log of a run's steps with what one does to it: choose a step, follow, search, go to a failure, download.

import { address, get, urlOf } from "./api.js";
import { make } from "./elements.js";
import { Log } from "./log.js";
import { LogView } from "./logview.js";
import { findLines } from "./search.js";
import { say } from "./words.js";

export const BAD = ["failed", "unreachable"];

export class LogPanel {
  #sizes = new Map(); // step → bytes its log is known to have
  #leaving = new AbortController(); // aborts when another step's log is shown
  #hits = { term: null, size: 0, lines: [], at: -1 };

  /** *choose* is called with the id of a step that is picked here. */
  constructor(signal, choose) {
    Object.assign(this, { signal, choose });
    this.view = new LogView((follow) => this.followBox.setAttribute("aria-pressed", `${follow}`));
    this.element = make("div", { class: "panel" }, this.#makeTools(), this.view.element);
  }

  get follow() {
    return this.view.follow;
  }

  setSize(step, size) {
    this.#sizes.set(step, Math.max(size, this.#sizes.get(step) ?? 0));
    if (step === this.step) this.log.growTo(this.#sizes.get(step));
  }

  setSteps(steps, chosen) {
    if (this.steps.length !== steps.length) this.steps.replaceChildren(...steps.map(({ id }) => make("option", { value: id }, id)));
    this.steps.value = chosen ?? "";
  }

  /** Show the log of *step* of *run*, from its beginning on. */
  select(run, { id, log_size: size }) {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    Object.assign(this, { run, step: id });
    const path = address`runs/${run}/steps/${id}/log`;
    this.log = new Log(path, AbortSignal.any([this.signal, this.#leaving.signal]), () => this.#changed());
    this.download.href = urlOf(path);
    this.download.download = `${run}-${id}.log`;
    this.#hits = { term: null, size: 0, lines: [], at: -1 };
    this.said.textContent = "";
    this.view.show(this.log, say("log.of", { step: id }));
    this.#changed();
    this.setSize(id, size);
  }

  #changed() {
    this.count.textContent = say("log.lines", { count: this.log.lines.toLocaleString() });
    this.view.update();
  }

  #makeTools() {
    const button = (word, act, sign) => make("button", { type: "button", class: "plain", onclick: act, "aria-label": say(word), title: say(word) }, sign);
    this.steps = make("select", { "aria-label": say("log.step"), onchange: (event) => this.choose(event.target.value) });
    this.followBox = make("button", { type: "button", class: "toggle", "aria-pressed": "true", onclick: () => this.view.setFollow(!this.view.follow) }, say("log.follow"));
    this.term = make("input", { type: "search", "aria-label": say("log.search"), placeholder: say("log.search"), onkeydown: (event) => this.#typed(event) });
    this.said = make("span", { class: "quiet", role: "status" });
    this.count = make("span", { class: "quiet count" });
    this.download = make("a", { class: "plain", download: "" }, say("log.download"));
    return make(
      "div", { class: "tools", role: "group", "aria-label": say("run.log") },
      this.steps, this.followBox, this.term,
      button("log.previous", () => this.#search(-1), "↑"), button("log.next", () => this.#search(1), "↓"), this.said,
      make("button", { type: "button", class: "plain", onclick: () => this.#goToFailure() }, say("log.failure")),
      this.download, this.count,
    );
  }

  #typed(event) {
    if (event.key === "Enter") this.#search(event.shiftKey ? -1 : 1);
  }

  /** Go to the match after or before the last one; the log is searched again if the term or the log is another. */
  async #search(way) {
    const term = this.term.value;
    if (!term) return;
    try {
      if (term !== this.#hits.term || this.log.size !== this.#hits.size) await this.#find(term);
      const { lines } = this.#hits;
      this.#hits.at = (this.#hits.at + way + lines.length) % lines.length;
      this.said.textContent = lines.length ? say("log.place", { at: this.#hits.at + 1, count: lines.length }) : say("log.none");
      if (lines.length) this.view.goTo(lines[this.#hits.at]);
    } catch (error) {
      if (!this.signal.aborted) this.said.textContent = error.message;
    }
  }

  async #find(term) {
    const { log } = this;
    const size = log.size;
    const lines = await findLines(log, term, log.signal);
    if (log !== this.log) return;
    const at = term === this.#hits.term ? this.#hits.at : -1;
    this.#hits = { term, size, lines, at };
  }

  /** Events know where in the log each failure was printed. */
  async #goToFailure() {
    const { log, run, step } = this;
    try {
      const offset = await findFailure(run, step, log.signal);
      if (log !== this.log) return;
      if (offset === null) this.said.textContent = say("log.nofailure");
      else this.view.goTo(log.lineAt(offset));
    } catch (error) {
      if (!log.signal.aborted) this.said.textContent = error.message;
    }
  }
}

/** The byte at which the first failure of *step* was printed that was not ignored; null if there is none. */
async function findFailure(run, step, signal) {
  for (let after = 0, page = null; page === null || page.next > after; ) {
    after = page?.next ?? 0;
    page = await get(address`runs/${run}/events?step=${step}&kind=task_result&limit=1000&after=${after}`, signal);
    const found = page.items.find(({ status, data, log }) => BAD.includes(status) && log && !data.ignored);
    if (found) return found.log.start;
  }
  return null;
}
