// The events of a run as they happen, over one connection that is made again as often as needed.

import { open, pause, Problem, readBytes } from "./api.js";

const SILENCE = 25_000; // The service says something every ten seconds: longer silence is a dead connection.
const AGAIN = 1000;

/**
 * Follow the events of a run after the one numbered *after*, to its end.
 *
 * @param {string} run  Its id.
 * @param {{event(data), state(word), end(data)}} viewer  `event` gets each event once, in order; `state` one of
 *   "connected" and "reconnecting"; `end` what ends the stream, once.
 * @param {AbortSignal} signal  Ends it early.
 */
export async function followRun(run, after, viewer, signal) {
  const place = { after, ended: false };
  while (!place.ended && !signal.aborted) {
    try {
      await followOnce(run, place, viewer, signal);
    } catch (error) {
      if (error instanceof Problem && error.status < 500) throw error; // to ask again would not help
    }
    if (place.ended || signal.aborted) return;
    viewer.state("reconnecting");
    await pause(AGAIN, signal).catch(() => null); // left meanwhile: the loop ends
  }
}

async function followOnce(run, place, viewer, signal) {
  const silence = new AbortController();
  const watch = { timer: null };
  const heard = () => {
    clearTimeout(watch.timer);
    watch.timer = setTimeout(() => silence.abort(), SILENCE);
  };
  heard();
  try {
    const response = await open("GET", `runs/${run}/events?follow=true&after=${place.after}`, {
      headers: { accept: "text/event-stream" },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    viewer.state("connected");
    const parse = parser((message) => take(message, place, viewer));
    await readBytes(response, (bytes) => { heard(); parse(bytes); });
  } finally {
    clearTimeout(watch.timer);
  }
}

function take({ event, data }, place, viewer) {
  if (event === "end") {
    place.ended = true;
    viewer.end(data);
  } else if (event === "event" && data.seq > place.after) {
    place.after = data.seq;
    viewer.event(data);
  }
}

/** Return what takes bytes of server-sent events, and calls *take* with each whole one as {event, data}. */
function parser(take) {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      if (fields.data) take({ event: fields.event, data: JSON.parse(fields.data) });
    }
  };
}
