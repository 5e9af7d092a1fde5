/**
 * Decodes coded frames by WebCodecs, in software, so that no picture waits for more frames behind it than its codec asks for.
 *
 * @typedef {object} Planes 8 bit 4:2:0 samples: rows of luma, then of U, then of V, with nothing between them
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} data
 *
 * @typedef {object} Picture
 * @property {VideoFrame} frame the taker's to close
 * @property {number} place how many the decoder gave before it that somebody waited for
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Rectangle
 */

/** Bytes of a picture. @param {number} width @param {number} height */
export const bytesOf = (width, height) => width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);

export class FrameDecoder {
  /**
   * @param {{codec: string, description?: Uint8Array}} config as WebCodecs have it
   * @param {number} reach frames fed after its own with which a picture comes at last; 0: each comes with its own
   * @param {() => void} hungry called as it takes frames
   */
  constructor(config, reach = 0, hungry = () => undefined) {
    this.config = config;
    this.reach = reach;
    this.onHungry = hungry;
    this.fed = 0;
    this.given = 0; // pictures that somebody waited for
    /** @type {Map<number, {resolve: (picture: Picture) => void, reject: (error: Error) => void}>} */
    this.due = new Map(); // by what was fed
    this.decoder = this.opened();
  }

  opened() {
    const decoder = new VideoDecoder({
      output: (frame) => {
        const waiting = this.due.get(frame.timestamp);
        this.due.delete(frame.timestamp);
        if (!this.reach) this.miss(frame.timestamp);
        if (waiting) waiting.resolve({ frame, place: this.given++ });
        else frame.close();
      },
      error: (error) => this.fail(error),
    });
    decoder.ondequeue = () => this.onHungry();
    decoder.configure({ ...this.config, optimizeForLatency: true, hardwareAcceleration: "prefer-software" });
    return decoder;
  }

  /** No pictures come any more of what was fed before. @param {number} number */
  miss(number) {
    for (const [one, waiting] of this.due) {
      if (one >= number) break;
      waiting.reject(new Error("the decoder gave no picture although one was due"));
      this.due.delete(one);
    }
  }

  /** @param {Error} error */
  fail(error) {
    for (const one of this.due.values()) one.reject(error);
    this.due.clear();
  }

  /** Whether it has begun with all that it was fed. */
  get hungry() {
    return this.decoder.decodeQueueSize === 0;
  }

  /** Whether it can go on; after damage it cannot. */
  get usable() {
    return this.decoder.state === "configured";
  }

  /** Begins anew; the next frame must be a key frame. */
  restart() {
    this.fail(new Error("decoding begins anew"));
    if (this.decoder.state !== "closed") this.decoder.close();
    this.decoder = this.opened();
  }

  /**
   * Feeds a frame that gives no picture of its own.
   * @param {Uint8Array} data
   * @param {boolean} key
   */
  feed(data, key) {
    const timestamp = this.fed++;
    this.decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp, data }));
    if (this.reach) this.miss(timestamp - this.reach);
    return timestamp;
  }

  /**
   * Feeds a frame; its picture.
   * @param {Uint8Array} data
   * @param {boolean} key
   * @returns {Promise<Picture>}
   */
  picture(data, key) {
    return new Promise((resolve, reject) => {
      try {
        this.due.set(this.feed(data, key), { resolve, reject });
      } catch (error) {
        reject(error);
      }
    });
  }

  /** Has all pictures that are due come out; the next frame must be a key frame. */
  async flush() {
    await this.decoder.flush().catch(() => undefined);
    this.fail(new Error("the decoder gave no picture although one was due"));
  }
}

/**
 * Copies a picture's samples.
 * @param {VideoFrame} frame in 8 bit 4:2:0
 * @param {Uint8Array} to memory of `bytesOf` the rectangle
 * @param {Rectangle} rect of all that was decoded, in whole pairs; without it, what is meant to be seen
 */
export async function copyPlanes(frame, to, rect = /** @type {DOMRectReadOnly} */ (frame.visibleRect)) {
  const { width, height } = rect, across = Math.ceil(width / 2), chroma = across * Math.ceil(height / 2), luma = width * height;
  if (frame.format === "I420") {
    const layout = [[0, width], [luma, across], [luma + chroma, across]].map(([offset, stride]) => ({ offset, stride }));
    await frame.copyTo(to, { rect, layout });
  } else if (frame.format === "NV12") {
    const both = new Uint8Array(luma + 2 * chroma);
    await frame.copyTo(both, { rect, layout: [{ offset: 0, stride: width }, { offset: luma, stride: 2 * across }] });
    to.set(both.subarray(0, luma));
    for (let i = 0; i < chroma; i++) {
      to[luma + i] = both[luma + 2 * i];
      to[luma + chroma + i] = both[luma + 2 * i + 1];
    }
  } else throw new Error(`the browser decodes to ${frame.format}, not to 8 bit 4:2:0`);
}
