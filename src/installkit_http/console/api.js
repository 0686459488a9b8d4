// The service's interface, as the console uses it. The cookie of the session goes along by itself.

const BASE = new URL("api/v1/", document.baseURI);

/** An answer that is a refusal: problem details with `code`, `detail`, `remedy` and what else its code brings. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `${status}`);
    this.status = status;
    this.body = body;
  }
}

/** The address of *path*, below the interface; its parts are escaped by `address`. */
export function urlOf(path) {
  return new URL(path, BASE).href;
}

/** A template tag that escapes what is put in: address`sites/${name}/plans`. */
export function address(parts, ...values) {
  return parts.map((part, at) => (at ? encodeURIComponent(values[at - 1]) : "") + part).join("");
}

/** Ask, and return the response. Throws a Problem for a refusal; announces "signed-out" where nobody is signed in. */
export async function open(method, path, { body, headers, signal } = {}) {
  const sent = { method, signal, headers: { ...headers }, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    sent.body = JSON.stringify(body);
    sent.headers["content-type"] = "application/json";
  }
  const response = await fetch(urlOf(path), sent);
  if (response.ok) return response;
  if (response.status === 401 && path !== "session") window.dispatchEvent(new Event("signed-out"));
  throw new Problem(response.status, await readProblem(response));
}

async function readProblem(response) {
  const type = response.headers.get("content-type") ?? "";
  return type.includes("json") ? response.json() : { detail: `${response.status} ${response.statusText}` };
}

export async function get(path, signal) {
  return (await open("GET", path, { signal })).json();
}

export async function post(path, body = {}) {
  return (await open("POST", path, { body })).json();
}

/** Stands for the entity tag of what is not there yet. */
export const ABSENT = Symbol("absent");

/** Take *path* away, only if it is still as its entity tag says, where one is given. */
export async function remove(path, tag) {
  await open("DELETE", path, { headers: guard(tag) });
}

/** Return what is at *path*, and its entity tag. */
export async function getTagged(path, signal) {
  const response = await open("GET", path, { signal });
  return [await response.json(), response.headers.get("etag")];
}

/** PATCH or PUT *body*, only if what is at *path* is still as its entity tag says, where one is given. */
export async function change(method, path, body, tag) {
  await open(method, path, { body, headers: guard(tag) });
}

function guard(tag) {
  if (tag === ABSENT) return { "if-none-match": "*" };
  return tag ? { "if-match": tag } : {};
}

/** Return every item of a list, page by page. */
export async function getAll(path, signal) {
  const items = [];
  const join = path.includes("?") ? "&" : "?";
  for (let cursor = ""; cursor !== null; ) {
    const page = await get(`${path}${join}limit=1000${cursor && address`&cursor=${cursor}`}`, signal);
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

/** Call *take* with each piece of bytes of *response*, until its end; throws if it breaks before. */
export async function readBytes(response, take) {
  const reader = response.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) take(piece.value);
}

/** Wait; throws as soon as *signal* aborts. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
