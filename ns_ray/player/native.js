/**
 * The parser and the reconstruction in WebAssembly (ns_ray/native/wasm): one stream, and the memory it works in.
 *
 * @typedef {object} Parsed what is known of a coded frame
 * @property {number} size bytes it takes
 * @property {number} width
 * @property {number} height
 * @property {number} refreshed bit i: it replaces reference slot i
 * @property {boolean} shown
 * @property {number} existing the slot that it shows and does nothing else, or -1
 * @property {boolean} key
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
const FACTS = 7; // numbers told of a frame

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
    this.info = this.allocate(4 * FACTS);
    this.views = [0, 1, 2].map(() => this.allocate(VIEW)); // of an LR picture, an anchor and an HR picture
  }

  /**
   * Begins a stream.
   * @param {number} scale
   * @param {number} mostSamples of the largest LR frame
   */
  open(scale, mostSamples) {
    if (this.stream) this.exports.close_stream(this.stream);
    this.stream = this.exports.open_stream(scale, 1, this.threads, mostSamples);
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

  /**
   * Parses the next coded frame; throws an Error where it is damaged.
   * @param {Uint8Array} data
   * @param {boolean} alone whether nothing but zeros may follow it
   * @returns {Parsed}
   */
  parse(data, alone) {
    const at = this.allocate(data.length);
    new Uint8Array(this.memory.buffer).set(data, at);
    const failed = this.exports.parse_frame(this.stream, at, data.length, Number(alone), this.info);
    this.release(at);
    if (failed) throw new Error(this.failure());
    const [size, width, height, refreshed, shown, existing, key] = new Int32Array(this.memory.buffer, this.info, FACTS);
    return { size, width, height, refreshed, shown: !!shown, existing, key: !!key };
  }

  /** Passes over the frame that is to be rebuilt next. */
  drop() {
    this.exports.drop_frame(this.stream);
  }

  /**
   * Rebuilds the next of the frames that were parsed.
   * @param {Samples} lr
   * @param {Samples | null} anchor
   * @returns {{width: number, height: number, copy: (to: Uint8Array) => void}} the HR picture, to be copied before the next
   */
  rebuild(lr, anchor) {
    const [seen, super_, out] = this.views;
    this.describe(seen, lr, lr.width, lr.height);
    if (anchor) this.describe(super_, anchor, lr.width * this.scale, lr.height * this.scale);
    if (this.exports.rebuild_frame(this.stream, seen, anchor ? super_ : 0, out)) throw new Error(this.failure());
    const planes = new Int32Array(this.memory.buffer, out, VIEW / 4).slice();
    const copy = (/** @type {Uint8Array} */ to) => {
      const memory = new Uint8Array(this.memory.buffer);
      for (let plane = 0, offset = 0; plane < 3; plane++) {
        const [from, width, height, stride] = planes.subarray(4 * plane);
        if (width === stride) to.set(memory.subarray(from, from + width * height), offset);
        else for (let y = 0; y < height; y++) to.set(memory.subarray(from + y * stride, from + y * stride + width), offset + y * width);
        offset += width * height;
      }
    };
    return { width: planes[1], height: planes[2], copy };
  }

  /**
   * Makes the residual of a picture the picture, in place.
   * @param {Samples} lr
   * @param {Samples} residual
   */
  addPrediction(lr, residual) {
    const [seen, to] = this.views;
    this.describe(seen, lr, lr.width, lr.height);
    this.describe(to, residual, lr.width * this.scale, lr.height * this.scale);
    if (this.exports.add_prediction(seen, to, /** @type {number} */ (this.weights), this.scale)) throw new Error(this.failure());
  }

  /**
   * Writes where the planes of a picture lie, of which so many columns and rows count.
   * @param {number} to
   * @param {Samples} picture
   * @param {number} columns
   * @param {number} rows
   */
  describe(to, { at, width, height }, columns, rows) {
    const across = Math.ceil(width / 2), luma = width * height, chroma = across * Math.ceil(height / 2);
    const half = [Math.ceil(columns / 2), Math.ceil(rows / 2), across];
    new Int32Array(this.memory.buffer, to, VIEW / 4).set([at, columns, rows, width, at + luma, ...half, at + luma + chroma, ...half]);
  }

  failure() {
    const memory = new Uint8Array(this.memory.buffer), at = this.exports.failure_text();
    return new TextDecoder().decode(memory.slice(at, memory.indexOf(0, at)));
  }
}
