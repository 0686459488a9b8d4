// The order of steps as a drawing: a column for each level, an arrow from each step to those that wait for it.

import { say } from "./words.js";

const BOX = { width: 170, height: 44 };
const GAP = { x: 56, y: 16 };
const EDGE = 8;

/** Draw *steps*, each with `id`, `component`, `action`, `hosts` and `needs` (ids of earlier steps), as SVG. */
export function makeGraph(steps) {
  const places = placeSteps(steps);
  const spots = [...places.values()];
  const width = Math.max(...spots.map(({ x }) => x)) + BOX.width + EDGE;
  const height = Math.max(...spots.map(({ y }) => y)) + BOX.height + EDGE;
  const attributes = { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": say("plan.graphlabel") };
  const arrows = steps.flatMap((step) => directNeeds(step, steps).map((need) => drawArrow(places.get(need), places.get(step.id))));
  const frame = document.createElement("div");
  frame.className = "graph wide";
  frame.tabIndex = 0;
  frame.append(draw("svg", attributes, ...arrows, ...steps.map((step) => drawBox(step, places.get(step.id)))));
  return frame;
}

function placeSteps(steps) {
  const levels = new Map();
  const used = [];
  const places = new Map();
  for (const step of steps) {
    const level = Math.max(-1, ...step.needs.map((need) => levels.get(need))) + 1;
    const row = used[level] ?? 0;
    levels.set(step.id, level);
    used[level] = row + 1;
    places.set(step.id, { x: EDGE + level * (BOX.width + GAP.x), y: EDGE + row * (BOX.height + GAP.y) });
  }
  return places;
}

/** The needs of *step* that no other of its needs already waits for: the rest would be drawn twice. */
function directNeeds(step, steps) {
  const byId = new Map(steps.map((each) => [each.id, each]));
  const implied = new Set();
  const open = step.needs.flatMap((need) => byId.get(need).needs);
  while (open.length) {
    const id = open.pop();
    if (!implied.has(id)) open.push(...byId.get(id).needs);
    implied.add(id);
  }
  return step.needs.filter((need) => !implied.has(need));
}

function drawArrow(from, to) {
  const start = { x: from.x + BOX.width, y: from.y + BOX.height / 2 };
  const end = { x: to.x, y: to.y + BOX.height / 2 };
  const middle = (start.x + end.x) / 2;
  return draw("g", { class: "arrow" },
    draw("path", { d: `M${start.x} ${start.y} C${middle} ${start.y} ${middle} ${end.y} ${end.x} ${end.y}` }),
    draw("path", { class: "head", d: `M${end.x} ${end.y} l-8 -4 v8 z` }));
}

function drawBox(step, { x, y }) {
  const title = draw("title", {});
  title.textContent = `${step.id}: ${step.hosts.join(", ")}`;
  return draw("g", { class: "box", transform: `translate(${x} ${y})` }, title,
    draw("rect", { ...BOX, rx: 6 }),
    drawText(step.component, 10, 18, "name"),
    drawText(`${say(`action.${step.action}`)} · ${hostsText(step.hosts)}`, 10, 35, "about"));
}

function hostsText(hosts) {
  return hosts.length > 1 ? `${hosts[0]} +${hosts.length - 1}` : (hosts[0] ?? "");
}

function drawText(text, x, y, name) {
  const element = draw("text", { x, y, class: name });
  element.textContent = text.length > 24 ? `${text.slice(0, 23)}…` : text;
  return element;
}

function draw(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
