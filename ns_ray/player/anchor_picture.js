/**
 * The HR picture of an anchor, as every player has it (docs/hybrid-format.md, "Anchors").
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 * @typedef {import("./native.js").Native} Native
 * @typedef {import("./native.js").Samples} Samples
 */

import { largestSize } from "./anchor_image.js";
import { copyPlanes, FrameDecoder } from "./frame_decoder.js";

const AV1 = "av01.0.16M.08"; // profile Main, level 6.0, 8 bits: the level bounds nothing here

/** Why anchors of a codec cannot be what they are to other players, by codec. */
export const REFUSED = /** @type {Record<string, string>} */ ({
  jpeg: "JPEG pictures become YUV by way of RGB in FFmpeg's scaler, whose rounding browsers do not have",
  hevc: "browsers decode HEVC by hardware alone, where at all",
});

export class AnchorDecoder {
  /** @param {Native} native */
  constructor(native) {
    this.native = native;
    this.av1 = new FrameDecoder({ codec: AV1 });
    /** @type {Promise<unknown>} */
    this.busy = Promise.resolve(); // with the images before, as the decoder is emptied for each
  }

  /**
   * The image's samples: the picture, or its residual. Their memory is the caller's to release. Throws an Error where the
   * image is damaged or of another size.
   * @param {AnchorImage} image
   * @param {number} columns of the HR picture
   * @param {number} rows
   * @returns {Promise<Samples>}
   */
  async samples(image, columns, rows) {
    if (image.size?.[0] !== columns || image.size[1] !== rows) throw new Error(`it is ${image.size?.join("x")}, not ${columns}x${rows}`);
    if (!image.codec.startsWith("av1")) return this.fromJpeg(image.data, columns, rows);
    const made = this.busy.then(() => this.fromAv1(image.data, columns, rows));
    this.busy = made.catch(() => undefined);
    return made;
  }

  /** @param {Uint8Array} data @param {number} columns @param {number} rows @returns {Promise<Samples>} */
  async fromAv1(data, columns, rows) {
    const even = columns + (columns & 1);
    const [most, tallest] = largestSize(data);
    if (most !== even || tallest !== rows) throw new Error(`its image is ${most}x${tallest}, not ${even}x${rows}`);
    if (!this.av1.usable) this.av1.restart();
    const due = this.av1.picture(data, true);
    due.catch(() => undefined);
    await this.av1.flush();
    const { frame } = await due;
    try {
      const { width, height } = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
      if (width !== even || height !== rows) throw new Error(`its image is ${width}x${height}, not ${even}x${rows}`);
      const made = this.native.picture(even, rows);
      await copyPlanes(frame, this.native.samples(made));
      return made;
    } finally {
      frame.close();
    }
  }

  /** A grey image of stacked planes. @param {Uint8Array} data @param {number} columns @param {number} rows @returns {Promise<Samples>} */
  async fromJpeg(data, columns, rows) {
    const wide = columns + (columns & 1), half = wide / 2, tall = Math.ceil(rows / 2);
    const decoder = new ImageDecoder({ data, type: "image/jpeg", colorSpaceConversion: "none", preferAnimation: false });
    const { image } = await decoder.decode();
    try {
      if (image.codedWidth !== wide || image.codedHeight !== rows + tall) throw new Error(`its image is ${image.codedWidth}x${image.codedHeight}, not ${wide}x${rows + tall}`);
      const pixels = new Uint8Array(image.allocationSize());
      const [layout] = await image.copyTo(pixels);
      const step = /^(RGB|BGR)/.test(image.format ?? "") ? 4 : 1;
      const grey = new Uint8Array(wide * (rows + tall));
      for (let y = 0; y < rows + tall; y++)
        for (let x = 0; x < wide; x++) grey[y * wide + x] = pixels[layout.offset + y * layout.stride + step * x];
      const made = this.native.picture(wide, rows), samples = this.native.samples(made);
      samples.set(grey.subarray(0, wide * rows));
      for (let y = 0; y < tall; y++) {
        const row = grey.subarray((rows + y) * wide, (rows + y + 1) * wide);
        samples.set(row.subarray(0, half), wide * rows + y * half);
        samples.set(row.subarray(half), wide * rows + (tall + y) * half);
      }
      return made;
    } finally {
      image.close();
      decoder.close();
    }
  }
}
