import { stripControls } from "./ansi.js";

/**
 * Return the numbers of the lines of *log* that hold *term*, whatever the case; the log is read through, not kept.
 */
export async function findLines(log, term, signal) {
  const wanted = term.toLowerCase();
  const decoder = new TextDecoder();
  const found = [];
  let number = 0;
  let rest = "";
  const look = (line) => {
    if (stripControls(line).toLowerCase().includes(wanted)) found.push(number);
    number += 1;
  };
  await log.read(0, (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop();
    lines.forEach(look);
  }, signal);
  if (rest) look(rest);
  return found;
}
