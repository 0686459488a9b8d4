// Values as a person writes them: text where it can be, else JSON, so that what is shown is what is sent again.

/** A field of a form that cannot be sent; in the shape of the service's own refusals. */
export class Mistake extends Error {
  constructor(pointer, message) {
    super(message);
    this.body = { code: "invalid", detail: message, errors: [{ pointer, message }] };
  }
}

/** Return *value* as text that `readValue` makes the same value of. */
export function valueText(value) {
  const plain = typeof value === "string" && value === value.trim() && !/[\n"]/.test(value) && parsed(value) === undefined;
  return plain ? value : JSON.stringify(value);
}

/** Return the JSON value in *text*; *text* itself if it is none. */
export function readValue(text) {
  const value = parsed(text.trim());
  return value === undefined ? text.trim() : value;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Return *values* by name as lines `name = value`. */
export function linesText(values) {
  return Object.entries(values).map(([name, value]) => `${name} = ${valueText(value)}`).join("\n");
}

/** Return the values by name in lines `name = value`; *complain* makes words of the line that is none, or comes twice. */
export function readLines(text, pointer, complain) {
  const values = {};
  for (const line of text.split("\n").filter((each) => each.trim())) {
    const [, name, value] = /^\s*([^\s=]+)\s*=(.*)$/.exec(line) ?? [];
    if (name === undefined || name in values) throw new Mistake(pointer, complain(line.trim()));
    values[name] = readValue(value);
  }
  return values;
}

/** Return names separated by commas or spaces as a list. */
export function readNames(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}
