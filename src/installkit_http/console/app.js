// Where it begins: who is signed in, which page the address names, and the header around it.

import { showAccess } from "./access.js";
import { post } from "./api.js";
import { showCatalogs } from "./catalogs.js";
import { make } from "./elements.js";
import { makeHeader } from "./header.js";
import { showLogin } from "./login.js";
import { makeProblem } from "./marks.js";
import { showPlan } from "./plan.js";
import { learnRights } from "./rights.js";
import { showRun } from "./run.js";
import { showRuns } from "./runs.js";
import { showSite } from "./site.js";
import { showSites } from "./sites.js";
import { say } from "./words.js";

const PAGES = [
  [/^\/?$/, showSites],
  [/^\/sites$/, showSites],
  [/^\/sites\/([^/]+)(?:\/([a-z]+))?$/, showSite],
  [/^\/catalogs$/, showCatalogs],
  [/^\/plans\/([^/]+)$/, showPlan],
  [/^\/access(?:\/([a-z]+))?$/, showAccess],
  [/^\/runs$/, showRuns],
  [/^\/runs\/([^/]+)$/, showRun],
];

const main = document.getElementById("main");
let leaving = new AbortController(); // aborts when the page that is shown is left

/** Show what the address names. A page is a function of (main, parts of the address, signal), which ends with it. */
async function showPage() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const path = location.hash.slice(1);
  const [found, show] = PAGES.map(([pattern, page]) => [pattern.exec(path), page]).find(([match]) => match) ?? [];
  showHeader();
  main.replaceChildren(make("p", { class: "quiet" }, say("loading")));
  try {
    if (!show) throw new Error(say("problem.missing"));
    if (await learnRights(signal)) showHeader();
    await show(main, found.slice(1).map((part) => part && decodeURIComponent(part)), signal);
  } catch (error) {
    if (!signal.aborted) main.replaceChildren(makeProblem(error));
  }
  if (signal.aborted) return;
  const title = main.querySelector("h1")?.textContent;
  document.title = title ? `${title} · installkit` : "installkit";
  main.focus({ preventScroll: true });
}

function showHeader() {
  document.getElementById("header").replaceChildren(...makeHeader(location.hash.slice(1), showPage));
}

function askForToken(note = null) {
  leaving.abort();
  document.getElementById("header").replaceChildren(...makeHeader(null, () => askForToken(note)));
  showLogin(main, note, showPage);
}

/** The first address carries a token that buys one session: it is used up, and taken from the address and its history. */
async function begin() {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname);
    try {
      await post("session", { token });
    } catch (error) {
      askForToken(error.status === 401 ? say("login.used") : makeProblem(error));
      return;
    }
  }
  await showPage();
}

window.addEventListener("hashchange", showPage);
window.addEventListener("signed-out", () => askForToken());
begin();
