// What a terminal would show of a line, as pieces of text with their colours. Nothing here makes markup.

// One look at each character: no alternative can begin where another has been. In order: control sequences (CSI);
// strings (OSC, DCS and the like) with what they hold, if they end in this line; other escapes; other controls.
const CONTROLS =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

const SGR = /^(?:\x1b\[|\x9b)([0-9;:]*)m$/;

const PLAIN = { ink: null, back: null, bold: false, faint: false, italic: false, underline: false, inverse: false, struck: false };

const SWITCHES = {
  1: { bold: true }, 2: { faint: true }, 3: { italic: true }, 4: { underline: true }, 7: { inverse: true },
  9: { struck: true }, 22: { bold: false, faint: false }, 23: { italic: false }, 24: { underline: false },
  27: { inverse: false }, 29: { struck: false }, 39: { ink: null }, 49: { back: null },
};

/** Return *line* without what only a terminal understands. Where it was overprinted, what came last. */
export function stripControls(line) {
  return lastPrinted(line).replace(CONTROLS, "");
}

/**
 * Return *line* as a list of {text, style}, in time that grows with its length only.
 * A style's `ink` and `back` are a colour's number below 16, as in "4", or a CSS colour; null is the usual one.
 * Each line begins plain: so it looks the same wherever one begins to read.
 */
export function readLine(line) {
  const pieces = [];
  const text = lastPrinted(line);
  let style = PLAIN;
  let done = 0;
  for (const found of text.matchAll(CONTROLS)) {
    if (found.index > done) pieces.push({ text: text.slice(done, found.index), style });
    done = found.index + found[0].length;
    const codes = SGR.exec(found[0]);
    if (codes) style = restyle(style, codes[1]);
  }
  if (done < text.length) pieces.push({ text: text.slice(done), style });
  return pieces;
}

function lastPrinted(line) {
  const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

function restyle(style, codes) {
  const numbers = codes.split(/[;:]/).map(Number);
  let next = style;
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at];
    if (code === 38 || code === 48) {
      const [colour, used] = wideColour(numbers.slice(at + 1, at + 5));
      next = { ...next, [code === 38 ? "ink" : "back"]: colour };
      at += used;
    } else {
      next = code === 0 ? PLAIN : { ...next, ...(SWITCHES[code] ?? basicColour(code)) };
    }
  }
  return next;
}

function basicColour(code) {
  if (code >= 30 && code <= 37) return { ink: `${code - 30}` };
  if (code >= 40 && code <= 47) return { back: `${code - 40}` };
  if (code >= 90 && code <= 97) return { ink: `${code - 82}` };
  if (code >= 100 && code <= 107) return { back: `${code - 92}` };
  return {};
}

/** Return the colour that the numbers after a 38 or 48 mean, and how many of them say so. */
function wideColour([kind, first = 0, second = 0, third = 0]) {
  if (kind === 2) return [rgb(first, second, third), 4];
  if (kind !== 5) return [null, 0];
  if (first < 16) return [`${first}`, 2];
  if (first > 231) return [rgb(...Array(3).fill(8 + (first - 232) * 10)), 2];
  const cube = [Math.floor((first - 16) / 36), Math.floor((first - 16) / 6) % 6, (first - 16) % 6];
  return [rgb(...cube.map((level) => (level ? level * 40 + 55 : 0))), 2];
}

function rgb(...levels) {
  return `rgb(${levels.map((level) => Math.min(255, level)).join(" ")})`;
}
