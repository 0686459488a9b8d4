// A page of another origin than the service: log in by token, list the sites, follow a site's last run.
// The service must be told of this page's origin: installkit serve --allow-origin http://127.0.0.1:8000

const at = (id) => document.getElementById(id);
let service = null; // {url, token} once logged in
let following = new AbortController(); // aborts when another run is followed

/** What the service does not do, and to ask again would not help: it says what was wrong and what to do. */
class Refusal extends Error {}

/** Ask the service. Throws a Refusal, or another error where it cannot be reached or is busy. */
async function ask(path, { accept = "application/json", ...options } = {}) {
  const headers = { authorization: `Bearer ${service.token}`, accept, ...options.headers };
  const response = await fetch(`${service.url}/api/v1/${path}`, { ...options, headers });
  if (response.ok) return response;
  const { detail, remedy } = await response.json();
  const kind = response.status < 500 ? Refusal : Error;
  throw new kind([detail, remedy].filter(Boolean).join(" – "));
}

async function showSites() {
  const { items } = await (await ask("sites")).json();
  at("sites").replaceChildren(...items.map(makeSite));
}

function makeSite(site) {
  const item = document.createElement("li");
  item.textContent = `${site.title}: `; // text, never markup: names come from outside
  const button = document.createElement("button");
  button.textContent = site.last_run ? `follow run ${site.last_run}` : "no run yet";
  button.disabled = !site.last_run;
  button.addEventListener("click", () => follow(site.last_run).catch(showProblem));
  item.append(button);
  return item;
}

/** Show what a run prints from its beginning to its end, whatever happens to the connection. */
async function follow(run) {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  at("title").textContent = `Run ${run}`;
  at("log").textContent = "";
  at("status").textContent = "running";
  for (let cursor = 0; cursor !== null && !signal.aborted; ) {
    cursor = await readStream(run, cursor, signal);
    if (cursor !== null) await new Promise((done) => setTimeout(done, 1000)); // the connection was lost: go on from there
  }
}

/** Read events after *cursor* until the stream ends; return the cursor to go on from, null at the run's end. */
async function readStream(run, cursor, signal) {
  // EventSource sends no Authorization header, so the stream is read with fetch.
  try {
    const response = await ask(`runs/${run}/log?follow=true&after=${cursor}`, { accept: "text/event-stream", signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const blocks = (rest + piece.value).split("\n\n");
      rest = blocks.pop();
      for (const event of blocks.map(parse)) {
        if (event.event === "end") return finish(JSON.parse(event.data));
        if (event.event === "log") cursor = show(event);
      }
    }
  } catch (error) {
    if (signal.aborted) return null;
    if (error instanceof Refusal) throw error;
    console.warn(error);
  }
  return cursor;
}

/** Return the fields of one server-sent event by name; a comment has none of ours. */
function parse(block) {
  return Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
}

function show({ id, data }) {
  at("log").append(JSON.parse(data).text.replace(/\x1b\[[0-9;]*m/g, ""));
  return Number(id);
}

function finish({ status }) {
  at("status").textContent = status;
  return null;
}

function showProblem(error) {
  at("problem").textContent = error.message;
}

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  service = { url: form.get("service").replace(/\/+$/, ""), token: form.get("token").trim() };
  at("problem").textContent = "";
  await showSites().catch(showProblem);
});
