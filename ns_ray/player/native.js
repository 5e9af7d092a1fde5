/**
 * The parser and the reconstruction in WebAssembly (ns_ray/native/wasm): one stream, and the memory it works in.
 *
 * @typedef {object} Parsed what is known of a coded frame
 * @property {number} at where it is kept: for `rebuild`, and to be given to `drop`
 * @property {number} size bytes it takes
 * @property {number} width
 * @property {number} height
 * @property {number} left samples that were coded before the picture's
 * @property {number} top
 * @property {number} wholeWidth of all that was coded
 * @property {number} wholeHeight
 * @property {number} refreshed bit i: it replaces reference slot i
 * @property {number} needed bit i: it is predicted from reference slot i
 * @property {boolean} shown
 * @property {number} existing the slot that it shows and does nothing else, or -1
 * @property {boolean} key
 * @property {number} matrix of its colours, an H.273 code; 2 is unspecified
 * @property {boolean} fullRange
 *
 * @typedef {object} Samples a picture in this memory
 * @property {number} at
 * @property {number} width
 * @property {number} height
 */

import { bytesOf } from "./frame_decoder.js";

const PAGES = 16384; // 1 GiB: what is allowed to be held, and some more
const FIRST_PAGES = 256;
const STACK = 1 << 20; // bytes for each thread
const VIEW = 48; // bytes of three planes' descriptions
const FACTS = 14; // numbers told of a frame
const UNSUPPORTED = -2, MISSING = -3; // why a frame could not be parsed, where it is not damaged

/** Numbers of a residual's prediction, by scale and phase (docs/hybrid-format.md, "Prediction"), in 1/64. */
const HALVES = [
  [[0, 0, 0, 64, 0, 0, 0]],
  [[1, -6, 16, 62, -12, 3, 0]],
  [[1, -8, 25, 56, -13, 3, 0], [0, 0, -3, 70, -3, 0, 0]],
  [[1, -9, 29, 53, -13, 3, 0], [0, -3, 5, 69, -9, 2, 0]],
];

/** @param {number} scale */
function weights(scale) {
  const half = HALVES[scale - 1];
  return Array.from({ length: scale }, (_, phase) => half[phase] ?? half[scale - 1 - phase].toReversed()).flat();
}

/** The stream is of a kind that is not rebuilt. */
export class Unsupported extends Error {}

/** A frame refers to one that never came; it is not damaged itself. */
export class MissingReference extends Error {}

export class Native {
  /**
   * @param {WebAssembly.Module} module
   * @param {number} threads that work on a frame: more than 1 only where the page is cross-origin isolated
   * @param {string} threadUrl of thread.js
   */
  static async start(module, threads, threadUrl) {
    const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: PAGES, shared: true });
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    const native = new Native(instance, memory, threads);
    for (let worker = 1; worker < threads; worker++) {
      const thread = new Worker(threadUrl, { type: "module" });
      const stack = native.allocate(STACK) + STACK;
      await new Promise((resolve, reject) => {
        thread.onmessage = resolve;
        thread.onerror = () => reject(new Error("a thread could not be started"));
        thread.postMessage({ module, memory, worker, stack });
      });
    }
    return native;
  }

  /** @param {WebAssembly.Instance} instance @param {WebAssembly.Memory} memory @param {number} threads */
  constructor(instance, memory, threads) {
    this.exports = /** @type {Record<string, (...values: number[]) => number>} */ (instance.exports);
    this.memory = memory;
    this.threads = threads;
    this.stream = 0;
    this.scale = 0;
    this.info = this.allocate(4 * (FACTS + 1));
    this.views = [0, 1, 2].map(() => this.allocate(VIEW)); // of an LR picture, an anchor and an HR picture
  }

  /**
   * Begins a stream; throws an Error where it cannot be parsed.
   * @param {Uint8Array} record of H.264; none of VP9
   * @param {number} scale
   * @param {number} mostSamples of the largest LR frame
   */
  open(record, scale, mostSamples) {
    if (this.stream) this.exports.close_stream(this.stream);
    const at = this.copied(record);
    this.stream = this.exports.open_stream(at, record.length, scale, 1, this.threads, mostSamples);
    this.release(at);
    this.scale = scale;
    if (!this.stream) throw new Error(this.failure());
    this.weights = this.allocate(2 * 7 * scale);
    new Int16Array(this.memory.buffer, this.weights, 7 * scale).set(weights(scale));
  }

  /** @param {number} bytes */
  allocate(bytes) {
    const at = this.exports.allocate(bytes);
    if (!at) throw new Error(`there is no memory for ${bytes} bytes more`);
    return at;
  }

  /** @param {number} at */
  release(at) {
    this.exports.release(at);
  }

  /**
   * Room for a picture.
   * @param {number} width
   * @param {number} height
   * @returns {Samples}
   */
  picture(width, height) {
    return { at: this.allocate(bytesOf(width, height)), width, height };
  }

  /** A picture's samples, as a view that holds until memory is asked for. @param {Samples} picture */
  samples({ at, width, height }) {
    return new Uint8Array(this.memory.buffer, at, bytesOf(width, height));
  }

  /** Where a copy of some bytes lies. @param {Uint8Array} data */
  copied(data) {
    const at = this.allocate(data.length);
    new Uint8Array(this.memory.buffer).set(data, at);
    return at;
  }

  /** Whether an H.264 packet shows a picture, and decoding can begin at it. @param {Uint8Array} data @param {number} lengthSize */
  lookH264(data, lengthSize) {
    const at = this.copied(data), told = this.exports.look_h264(at, data.length, lengthSize);
    this.release(at);
    return { shows: (told & 1) !== 0, begins: (told & 2) !== 0 };
  }

  /**
   * Parses the next coded frame; throws an Error where it cannot be.
   * @param {Uint8Array} data
   * @param {boolean} alone whether nothing but zeros may follow it
   * @returns {Parsed | null} nothing where the data hold none
   */
  parse(data, alone) {
    const copy = this.copied(data);
    const failed = this.exports.parse_frame(this.stream, copy, data.length, Number(alone), this.info, this.info + 4);
    this.release(copy);
    if (failed === UNSUPPORTED) throw new Unsupported(this.failure());
    if (failed === MISSING) throw new MissingReference(this.failure());
    if (failed) throw new Error(this.failure());
    const [at, size, width, height, left, top, wholeWidth, wholeHeight, refreshed, needed, shown, existing, key, matrix, full] =
      new Int32Array(this.memory.buffer, this.info, FACTS + 1);
    const flags = { shown: !!shown, existing, key: !!key, matrix, fullRange: !!full };
    return at ? { at, size, width, height, left, top, wholeWidth, wholeHeight, refreshed, needed, ...flags } : null;
  }

  /** Lets go of a frame. @param {Parsed} parsed */
  drop({ at }) {
    this.exports.drop_frame(at);
  }

  /**
   * Rebuilds a frame; frames come in the order in which they were parsed.
   * @param {Parsed} parsed
   * @param {Samples} lr all that was coded
   * @param {Samples | null} anchor
   * @returns {{width: number, height: number, copy: (to: Uint8Array) => void}} the HR picture, to be copied before the next
   */
  rebuild(parsed, lr, anchor) {
    const [whole, super_, out] = this.views;
    this.describe(whole, lr, lr.width, lr.height);
    if (anchor) this.describe(super_, anchor, parsed.width * this.scale, parsed.height * this.scale);
    if (this.exports.rebuild_frame(this.stream, parsed.at, whole, anchor ? super_ : 0, out)) throw new Error(this.failure());
    const planes = new Int32Array(this.memory.buffer, out, VIEW / 4).slice();
    return { width: planes[1], height: planes[2], copy: (to) => this.copy(planes, to) };
  }

  /** The part of an LR picture that is meant to be seen. @param {Parsed} parsed @param {Samples} lr all that was coded */
  seen({ width, height, left, top }, lr) {
    const [view] = this.views, data = new Uint8Array(bytesOf(width, height));
    this.describe(view, lr, width, height, left, top);
    this.copy(new Int32Array(this.memory.buffer, view, VIEW / 4), data);
    return { width, height, data };
  }

  /** Copies described planes, with nothing between them. @param {Int32Array} planes @param {Uint8Array} to */
  copy(planes, to) {
    const memory = new Uint8Array(this.memory.buffer);
    for (let plane = 0, offset = 0; plane < 3; plane++) {
      const [from, width, height, stride] = planes.subarray(4 * plane);
      if (width === stride) to.set(memory.subarray(from, from + width * height), offset);
      else for (let y = 0; y < height; y++) to.set(memory.subarray(from + y * stride, from + y * stride + width), offset + y * width);
      offset += width * height;
    }
  }

  /**
   * Makes the residual of a frame's picture the picture, in place.
   * @param {Parsed} parsed
   * @param {Samples} lr all that was coded
   * @param {Samples} residual
   */
  addPrediction({ width, height, left, top }, lr, residual) {
    const [seen, to] = this.views;
    this.describe(seen, lr, width, height, left, top);
    this.describe(to, residual, width * this.scale, height * this.scale);
    if (this.exports.add_prediction(seen, to, /** @type {number} */ (this.weights), this.scale)) throw new Error(this.failure());
  }

  /**
   * Writes where the planes of a picture lie, of which so many columns and rows count.
   * @param {number} to
   * @param {Samples} picture
   * @param {number} columns
   * @param {number} rows
   * @param {number} left columns before them
   * @param {number} top rows before them
   */
  describe(to, { at, width, height }, columns, rows, left = 0, top = 0) {
    const across = Math.ceil(width / 2), luma = at + width * height, chroma = luma + across * Math.ceil(height / 2);
    const half = [Math.ceil(columns / 2), Math.ceil(rows / 2), across], skipped = (top / 2) * across + left / 2;
    const planes = [at + top * width + left, columns, rows, width, luma + skipped, ...half, chroma + skipped, ...half];
    new Int32Array(this.memory.buffer, to, VIEW / 4).set(planes);
  }

  failure() {
    const memory = new Uint8Array(this.memory.buffer), at = this.exports.failure_text();
    return new TextDecoder().decode(memory.slice(at, memory.indexOf(0, at)));
  }
}
