import { getAll } from "./api.js";
import { make, makeTable } from "./elements.js";
import { say } from "./words.js";

/** Show the catalogs that the service was started with, and what is wrong with them. */
export async function showCatalogs(main, _, signal) {
  const catalogs = await getAll("catalogs", signal);
  const title = make("h1", {}, say("catalogs.title"));
  if (!catalogs.length) {
    main.replaceChildren(title, make("p", { class: "quiet" }, say("catalogs.none")));
    return;
  }
  const headings = ["name", "folder", "component", "notes"].map((name) => say(`head.${name}`));
  main.replaceChildren(title, makeTable(say("catalogs.title"), headings, catalogs.map(cellsOf)));
}

function cellsOf({ name, folder, components, warnings, error }) {
  const notes = error ? [error] : warnings;
  return [name, make("code", {}, folder), components.join(", "), make("div", {}, notes.map((note) => make("p", {}, note)))];
}
