// A window onto a log. Only the rows in sight are in the page, so its length costs nothing.

import { readLine } from "./ansi.js";
import { make } from "./elements.js";
import { say } from "./words.js";

const ROW = 18; // pixels, as --row in log.css
const AROUND = 12; // rows kept above and below those in sight
const TALLEST = 8_000_000; // pixels that every browser can scroll; a longer log scrolls faster than its rows pass

export class LogView {
  #rows = new Map(); // number → element
  #due = false;
  #top = 0; // the place scrolled to, as last seen
  #widest = 0;
  #placed = false; // whether the scrolling that comes is our own

  /** *following* is called with whether the end is followed, when that changes. */
  constructor(following) {
    this.following = following;
    this.follow = true;
    this.log = null;
    this.mark = null; // number of the line that was looked for
    this.layer = make("div", { class: "rows" });
    this.spacer = make("div", { class: "spacer" });
    this.scroller = make("div", { class: "scroller", tabindex: 0, role: "region", onscroll: () => this.#scrolled() });
    this.scroller.append(this.spacer, this.layer);
    this.note = make("p", { class: "note" });
    this.element = make("div", { class: "log" }, this.note, this.scroller);
    new ResizeObserver(() => this.update()).observe(this.scroller);
  }

  /** Show *log*, whose *title* is what listeners hear. */
  show(log, title) {
    Object.assign(this, { log, mark: null });
    this.scroller.setAttribute("aria-label", title);
    this.layer.replaceChildren();
    this.layer.style.minWidth = "";
    this.#rows.clear();
    this.#top = this.#widest = 0;
    this.update();
  }

  /** Draw again, soon: however often it is asked for, once a frame. */
  update() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      if (this.log) this.#draw();
    });
  }

  setFollow(follow) {
    if (follow === this.follow) return;
    this.follow = follow;
    this.following(follow);
    this.update();
  }

  /** Bring line *number* into the middle, marked. */
  goTo(number) {
    this.mark = number;
    this.setFollow(false);
    this.#size();
    this.scroller.scrollIntoView({ block: "nearest" });
    this.scroller.scrollTop = Math.max(0, number * ROW - this.scroller.clientHeight / 2) / this.#ratio();
    this.#placed = this.scroller.scrollTop !== this.#top;
    this.#top = this.scroller.scrollTop;
    this.update();
  }

  /** How many pixels of rows pass for one of scrolling: 1, but for a log taller than TALLEST. */
  #ratio() {
    const room = this.scroller.clientHeight;
    const shown = Math.min(TALLEST, this.#height());
    return shown > room ? (this.#height() - room) / (shown - room) : 1;
  }

  #height() {
    return this.log.lines * ROW;
  }

  #size() {
    this.spacer.style.height = `${Math.min(TALLEST, this.#height())}px`;
  }

  #scrolled() {
    const { scroller } = this;
    const up = scroller.scrollTop < this.#top - 1;
    const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - ROW;
    this.#top = scroller.scrollTop;
    if (up && !atEnd) this.setFollow(false); // only a person scrolls up; the log itself moves down
    else if (atEnd && !this.#placed) this.setFollow(true);
    this.#placed = false;
    this.update();
  }

  #draw() {
    const { scroller, log } = this;
    this.#size();
    if (this.follow) scroller.scrollTop = scroller.scrollHeight;
    const top = scroller.scrollTop * this.#ratio();
    const first = Math.max(0, Math.floor(top / ROW) - AROUND);
    const last = Math.min(log.lines, Math.ceil((top + scroller.clientHeight) / ROW) + AROUND);
    this.layer.style.transform = `translateY(${scroller.scrollTop - top + first * ROW}px)`;
    this.#place(first, last);
    this.#widest = Math.max(this.#widest, this.layer.scrollWidth);
    this.layer.style.minWidth = `${this.#widest}px`;
    this.note.textContent = log.problem ? say("log.unreadable", { why: log.problem.message }) : "";
    this.note.hidden = !log.problem;
  }

  /** Have exactly the rows from *first* up to *last* in the page; those there stay, so that a selection does. */
  #place(first, last) {
    for (const [number, row] of this.#rows) {
      if (number < first || number >= last) {
        row.remove();
        this.#rows.delete(number);
      }
    }
    let before = null;
    for (let number = first; number < last; number += 1) {
      let row = this.#rows.get(number);
      if (!row?.whole) {
        const fresh = makeRow(number, this.log);
        if (row) row.replaceWith(fresh);
        else if (before) before.after(fresh);
        else this.layer.prepend(fresh);
        this.#rows.set(number, fresh);
        row = fresh;
      }
      row.classList.toggle("mark", number === this.mark);
      before = row;
    }
  }
}

function makeRow(number, log) {
  const line = log.line(number);
  const row = make("div", { class: "row" }, make("span", { class: "number", "aria-hidden": "true" }, `${number + 1}`));
  if (line) row.append(...readLine(line.text).map(makePiece));
  if (line?.left) row.append(make("span", { class: "left" }, say("log.left", { bytes: line.left })));
  row.whole = line !== null && log.complete(number);
  return row;
}

function makePiece({ text, style }) {
  const [ink, back] = style.inverse ? [style.back ?? "back", style.ink ?? "ink"] : [style.ink, style.back];
  const names = ["bold", "faint", "italic", "underline", "struck"].filter((name) => style[name]);
  if (!ink && !back && !names.length) return document.createTextNode(text);
  const piece = make("span", { class: names.join(" ") }, text);
  paint(piece, "ink", "color", ink);
  paint(piece, "back", "backgroundColor", back);
  return piece;
}

function paint(piece, kind, property, colour) {
  if (colour?.startsWith("rgb")) piece.style[property] = colour;
  else if (colour) piece.classList.add(`${kind}-${colour}`);
}
