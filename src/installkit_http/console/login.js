import { post } from "./api.js";
import { make, makeField, makeWords } from "./elements.js";
import { guarded } from "./marks.js";
import { say } from "./words.js";

/** Ask for a token, with *note* above if there is one; *done* is called once a session was bought. */
export function showLogin(main, note, done) {
  const place = make("div", {}, note ? make("div", { class: "notice", role: "alert" }, note) : null);
  const options = { type: "password", required: true, autocomplete: "current-password", spellcheck: "false" };
  const field = makeField(say("login.token"), "token", options);
  const submit = guarded(place, async (event) => {
    await post("session", { token: new FormData(event.target).get("token").trim() });
    done();
  });
  main.replaceChildren(
    make(
      "form", { class: "card login", onsubmit: submit },
      make("h1", {}, say("login.title")), field, make("button", {}, say("login.go")), place,
      make("p", { class: "quiet" }, makeWords(say("login.help"))),
    ),
  );
  field.querySelector("input").focus();
}
