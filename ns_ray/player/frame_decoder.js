/**
 * Decodes coded frames by WebCodecs, in software, so that each picture comes without waiting for frames behind it.
 *
 * @typedef {object} Planes 8 bit 4:2:0 samples: rows of luma, then of U, then of V, with nothing between them
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} data
 */

/** Bytes of a picture. @param {number} width @param {number} height */
export const bytesOf = (width, height) => width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);

export class FrameDecoder {
  /** @param {string} codec as WebCodecs names it */
  constructor(codec) {
    this.codec = codec;
    this.fed = 0;
    /** @type {Map<number, {resolve: (frame: VideoFrame) => void, reject: (error: Error) => void}>} */
    this.due = new Map(); // by what was fed
    this.decoder = this.opened();
  }

  opened() {
    const decoder = new VideoDecoder({
      output: (frame) => {
        const waiting = this.due.get(frame.timestamp);
        this.due.delete(frame.timestamp);
        for (const [number, one] of this.due) {
          if (number > frame.timestamp) break;
          one.reject(new Error("the decoder gave no picture although one was due"));
          this.due.delete(number);
        }
        if (waiting) waiting.resolve(frame);
        else frame.close();
      },
      error: (error) => this.fail(error),
    });
    decoder.configure({ codec: this.codec, optimizeForLatency: true, hardwareAcceleration: "prefer-software" });
    return decoder;
  }

  /** @param {Error} error */
  fail(error) {
    for (const one of this.due.values()) one.reject(error);
    this.due.clear();
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
    return timestamp;
  }

  /**
   * Feeds a frame; its picture, which is the caller's to close.
   * @param {Uint8Array} data
   * @param {boolean} key
   * @returns {Promise<VideoFrame>}
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
 * @param {Uint8Array} to memory of `bytesOf` its size
 */
export async function copyPlanes(frame, to) {
  const { width, height } = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
  const across = Math.ceil(width / 2), chroma = across * Math.ceil(height / 2), luma = width * height;
  if (frame.format === "I420") {
    const layout = [[0, width], [luma, across], [luma + chroma, across]].map(([offset, stride]) => ({ offset, stride }));
    await frame.copyTo(to, { layout });
  } else if (frame.format === "NV12") {
    const both = new Uint8Array(luma + 2 * chroma);
    await frame.copyTo(both, { layout: [{ offset: 0, stride: width }, { offset: luma, stride: 2 * across }] });
    to.set(both.subarray(0, luma));
    for (let i = 0; i < chroma; i++) {
      to[luma + i] = both[luma + 2 * i];
      to[luma + chroma + i] = both[luma + 2 * i + 1];
    }
  } else throw new Error(`the browser decodes to ${frame.format}, not to 8 bit 4:2:0`);
}
