// Asking for a plan: an action, components with versions, hosts.

import { address, getAll, post } from "./api.js";
import { make, makeCheckbox, makeField } from "./elements.js";
import { guarded } from "./marks.js";
import { say } from "./words.js";

const ACTIONS = ["install", "upgrade", "configure", "start", "stop", "restart", "verify", "check", "backup", "uninstall"];
const VERSIONED = ["install", "upgrade"];

/** Show a form for a plan of *site*; the plan that is made is shown next. */
export async function showRequest(place, site, signal) {
  const components = await getAll(address`sites/${site}/components`, signal);
  const refused = make("div");
  const submit = guarded(refused, async (event) => {
    await makePlan(site, requestOf(new FormData(event.target)));
  });
  const actions = make("select", { name: "action", onchange: (event) => allow(event.target) },
    ACTIONS.map((name) => make("option", { value: name }, say(`action.${name}`))));
  place.append(
    make(
      "form", { class: "card", onsubmit: submit, "aria-label": say("site.plan") },
      make("p", { class: "quiet" }, say("request.help")),
      make("label", { class: "field" }, make("span", {}, say("request.action")), actions),
      make("fieldset", {}, make("legend", {}, say("request.components")),
        makeCheckbox(say("request.all"), "all"), components.map(makeComponent)),
      makeField(say("request.exclude"), "exclude", { autocomplete: "off", spellcheck: "false" }),
      makeField(say("request.limit"), "limit", { autocomplete: "off", spellcheck: "false" }),
      make("button", {}, say("request.go")), refused,
    ),
  );
}

/** Make the plan that *request* asks for on *site*, and show it. */
export async function makePlan(site, request) {
  const plan = await post(address`sites/${site}/plans`, request);
  location.hash = address`#/plans/${plan.id}`;
}

function makeComponent({ name, versions, caution }) {
  const box = makeCheckbox(name, "component", { value: name, title: caution });
  if (!versions.length) return make("div", { class: "pick" }, box);
  const options = [...versions].reverse().map((version) => make("option", { value: version }, version));
  const chooser = make("select", { name: `version-${name}`, "aria-label": say("request.version", { name }) },
    make("option", { value: "" }, say("request.default")), options);
  return make("div", { class: "pick" }, box, chooser);
}

/** A version is asked for only where an action brings one, and all is what is installed. */
function allow(select) {
  const { all } = select.form.elements;
  all.disabled = select.value !== "install";
  all.checked &&= !all.disabled;
  for (const chooser of select.form.querySelectorAll("select[name^=version-]")) {
    chooser.disabled = !VERSIONED.includes(select.value);
  }
}

function requestOf(form) {
  const wanted = form.getAll("component").map((name) => {
    const version = form.get(`version-${name}`);
    return version ? `${name}=${version}` : name;
  });
  const request = {};
  if (wanted.length) request[form.get("action")] = wanted;
  if (form.has("all")) request.all = true;
  const excluded = form.get("exclude").split(",").map((name) => name.trim()).filter(Boolean);
  if (excluded.length) request.exclude = excluded;
  if (form.get("limit").trim()) request.limit = form.get("limit").trim();
  return request;
}
