// Forms that change something: what is refused is said at its field, and a change that came too late in words.

import { announce, make, makeWords } from "./elements.js";
import { makeProblem } from "./marks.js";
import { say } from "./words.js";

let entries = 0;

/** Make *control* with its label; *pointer* is where the service finds its value in the body that is sent. */
export function makeEntry(label, pointer, control, help = "") {
  entries += 1;
  const [wrong, about] = [`wrong-${entries}`, `about-${entries}`];
  control.dataset.pointer = pointer;
  control.setAttribute("aria-describedby", `${wrong} ${about}`);
  return make(
    "div", { class: "entry" },
    make("label", { class: "field" }, make("span", {}, label), control),
    make("p", { class: "wrong", id: wrong }),
    make("p", { class: "quiet", id: about }, makeWords(help)),
  );
}

/** Make a form that calls *act* with itself, and shows what that throws; *button* is the word on its button. */
export function makeForm(label, button, act, ...children) {
  const refused = make("div");
  const form = make(
    "form", { class: "card", "aria-label": label, novalidate: true, onsubmit: (event) => submit(event, form, refused, act) },
    make("h2", {}, label), children, make("div", { class: "buttons" }, make("button", {}, button)), refused,
  );
  return form;
}

/** Make a form in a window of its own, above the page; it closes once *act* has succeeded, and the page is shown anew. */
export function openForm(label, button, act, ...children) {
  const dialog = make("dialog", { "aria-label": label, onclose: () => dialog.remove() });
  const done = async (form) => { await act(form); dialog.close(); showAgain(say("form.saved")); };
  const form = makeForm(label, button, done, ...children);
  form.classList.remove("card");
  form.querySelector(".buttons").append(make("button", { type: "button", class: "plain", onclick: () => dialog.close() }, say("form.leave")));
  dialog.append(form);
  window.addEventListener("hashchange", () => dialog.close(), { once: true }); // the page below is another
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask whether to do what *question* says; *button* is the word for it. */
export function askWhether(question, button, act) {
  openForm(question, button, act).querySelector("form button").classList.add("danger");
}

/** Show the page anew, as it is now, and say *text*. */
export function showAgain(text = "") {
  window.dispatchEvent(new Event("hashchange"));
  announce(text);
}

async function submit(event, form, refused, act) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  clear(form);
  refused.replaceChildren();
  try {
    await act(form);
  } catch (error) {
    refused.replaceChildren(...makeRefusal(form, error));
    form.querySelector("[aria-invalid]")?.focus();
    refused.scrollIntoView({ block: "nearest" });
  }
  button.disabled = false;
}

function clear(form) {
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    wrongOf(control).replaceChildren();
  }
}

function wrongOf(control) {
  return document.getElementById(control.getAttribute("aria-describedby").split(" ")[0]);
}

/** What of *error* belongs to no field; the rest is said at its field. */
function makeRefusal(form, error) {
  if (error.status === 412) return [makeLate()];
  const { errors, issues, detail } = error.body ?? {};
  const mistakes = errors ?? (issues ? [{ pointer: "/inventory", message: detail }] : []);
  const left = mistakes.filter((mistake) => !isPlaced(form, mistake));
  return mistakes.length && !left.length ? [] : [makeProblem(error)];
}

function isPlaced(form, { pointer, message }) {
  const within = (outer, inner) => inner === outer || inner.startsWith(`${outer}/`);
  const controls = [...form.querySelectorAll("[data-pointer]")];
  const control = controls.find(({ dataset }) => within(dataset.pointer, pointer) || (pointer && within(pointer, dataset.pointer)));
  if (!control) return false;
  control.setAttribute("aria-invalid", "true");
  wrongOf(control).append(make("span", {}, within(control.dataset.pointer, pointer) ? aboutInner(control, pointer, message) : message));
  return true;
}

function aboutInner(control, pointer, message) {
  const inner = pointer.slice(control.dataset.pointer.length + 1);
  return inner ? `${inner}: ${message}` : message;
}

function makeLate() {
  const again = make("button", { type: "button", class: "plain", onclick: (event) => { event.target.closest("dialog")?.close(); showAgain(); } }, say("form.again"));
  return make("div", { class: "notice", role: "alert" }, make("p", {}, make("strong", {}, say("form.late"))), make("p", {}, say("form.latehelp")), again);
}
