// The log of one step, as long as it may be: where its lines begin is kept, its bytes only around what is looked at.
// All is addressed by byte offset, so nothing can come twice, whatever happens to the connection.

import { open, pause, Problem, readBytes } from "./api.js";

const CHUNK = 1 << 16; // bytes kept or asked for at once
const KEPT = 32; // chunks
const LOADS = 4; // questions under way at once
const LONGEST = 8192; // bytes shown of a line
const NEWLINE = 10;

export class Log {
  #starts = new Float64Array(1024); // Where line n begins. Bytes may be more than 32 bits can count.
  #count = 1;
  #chunks = new Map(); // number → {bytes, length}, the least lately used first
  #loading = new Set();
  #decoder = new TextDecoder();
  #pulling = false;

  /** *path* is of the interface; *changed* is called after whatever may change what is shown. */
  constructor(path, signal, changed) {
    Object.assign(this, { path, signal, changed, size: 0, wanted: 0, problem: null });
  }

  /** How many lines there are; the last may be under way. */
  get lines() {
    return this.#starts[this.#count - 1] === this.size ? this.#count - 1 : this.#count;
  }

  /** The log is known to have *end* bytes: read up to there, and try again where the connection fails. */
  async growTo(end) {
    this.wanted = Math.max(this.wanted, end);
    if (this.#pulling) return;
    this.#pulling = true;
    while (this.size < this.wanted && !this.signal.aborted) {
      const before = this.size;
      try {
        await this.read(before, (bytes) => this.#take(bytes));
        if (this.size === before) throw new Error(`${this.wanted} > ${before}`); // its journal was pruned
        this.problem = null;
      } catch (error) {
        if (this.signal.aborted) return;
        this.problem = error;
        this.changed();
        if (error instanceof Problem && error.status < 500) return; // to ask again would not help
        await pause(1000, this.signal).catch(() => null); // the page is left: the loop sees that
      }
    }
    this.#pulling = false;
  }

  /** Call *take* with the bytes from *offset* to where the log ends now. */
  async read(offset, take, signal = this.signal) {
    await readBytes(await open("GET", `${this.path}?offset=${offset}`, { headers: { accept: "text/plain" }, signal }), take);
  }

  /** The text of line *number*, from 0, and how many bytes of it are left out; null while it is fetched. */
  line(number) {
    const start = this.#starts[number];
    const end = number + 1 < this.#count ? this.#starts[number + 1] - 1 : this.size;
    const bytes = this.#bytes(start, Math.min(end, start + LONGEST));
    return bytes && { text: this.#decoder.decode(bytes), left: Math.max(0, end - start - LONGEST) };
  }

  /** Whether nothing can be added to line *number* any more. */
  complete(number) {
    return number + 1 < this.#count;
  }

  /** The number of the line that holds the byte at *offset*. */
  lineAt(offset) {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #take(bytes) {
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) this.#begin(this.size + at + 1);
    for (let at = 0; at < bytes.length; ) at += this.#keep(bytes.subarray(at), this.size + at);
    this.size += bytes.length;
    this.changed();
  }

  #begin(offset) {
    if (this.#count === this.#starts.length) {
      const more = new Float64Array(2 * this.#count);
      more.set(this.#starts);
      this.#starts = more;
    }
    this.#starts[this.#count++] = offset;
  }

  /** Keep what of *bytes*, at *offset*, belongs into one chunk; return how many these are. */
  #keep(bytes, offset) {
    const within = offset % CHUNK;
    const number = (offset - within) / CHUNK;
    const part = bytes.subarray(0, CHUNK - within);
    const chunk = this.#chunks.get(number) ?? { bytes: new Uint8Array(CHUNK), length: 0 };
    if (chunk.length === within) { // else what comes before was let go, and all of it is fetched when it is wanted
      chunk.bytes.set(part, within);
      chunk.length += part.length;
      this.#use(number, chunk);
    }
    return part.length;
  }

  #use(number, chunk) {
    this.#chunks.delete(number);
    this.#chunks.set(number, chunk);
    if (this.#chunks.size > KEPT) this.#chunks.delete(this.#chunks.keys().next().value);
  }

  #bytes(start, end) {
    const found = new Uint8Array(end - start);
    for (let at = start; at < end; ) {
      const within = at % CHUNK;
      const number = (at - within) / CHUNK;
      const part = Math.min(CHUNK - within, end - at);
      const chunk = this.#chunks.get(number);
      if (!chunk || chunk.length < within + part) {
        this.#load(number);
        return null;
      }
      this.#use(number, chunk);
      found.set(chunk.bytes.subarray(within, within + part), at - start);
      at += part;
    }
    return found;
  }

  async #load(number) {
    if (this.#loading.has(number) || this.#loading.size >= LOADS) return;
    this.#loading.add(number);
    const start = number * CHUNK;
    try {
      const headers = { accept: "text/plain", range: `bytes=${start}-${start + CHUNK - 1}` };
      const response = await open("GET", this.path, { headers, signal: this.signal });
      const content = new Uint8Array(await response.arrayBuffer());
      const chunk = { bytes: new Uint8Array(CHUNK), length: content.length };
      chunk.bytes.set(content);
      this.#use(number, chunk);
      this.problem = null;
    } catch (error) {
      if (this.signal.aborted) return;
      this.problem = error;
      await pause(1000, this.signal).catch(() => null); // the page is left: nobody asks again
    } finally {
      this.#loading.delete(number);
    }
    this.changed();
  }
}
