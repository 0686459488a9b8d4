import { make } from "./elements.js";
import { makeEntry } from "./forms.js";
import { say } from "./words.js";

/** Make what an inventory is entered with, a text that a file may fill: the text's control, and the entries of a form. */
export function makeInventory(value, help) {
  const text = make("textarea", { name: "inventory", rows: 12, spellcheck: "false" });
  text.value = value;
  const load = async (event) => { text.value = await event.target.files[0].text(); };
  const file = make("input", { type: "file", accept: ".yml,.yaml", onchange: load });
  return [text, [
    make("label", { class: "field" }, make("span", {}, say("hosts.fromfile")), file),
    makeEntry(say("site.inventory"), "/inventory", text, help),
  ]];
}
