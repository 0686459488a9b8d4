// What whoever is signed in may do, so that nothing is offered that would be refused. The service decides all the same.

import { get } from "./api.js";

const SCOPES = ["read", "operate", "admin"]; // each includes those before it
let held = null; // not asked yet

window.addEventListener("signed-out", () => { held = null; });

/** Ask what the session allows, once for each; true if that is news. */
export async function learnRights(signal) {
  if (held) return false;
  held = (await get("info", signal)).token.scopes;
  return true;
}

/** Whether the session allows *scope*, as far as is known. */
export function allows(scope) {
  return Boolean(held?.some((each) => SCOPES.indexOf(each) >= SCOPES.indexOf(scope)));
}
