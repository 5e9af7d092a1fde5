/**
 * Rebuilds a stream at high resolution, packet by packet, as ns_ray/client/rebuild.py does.
 *
 * Two steps, so that the browser decodes while WebAssembly rebuilds: `feed` hands a packet on, `finish` waits for its
 * pictures. Where HR cannot be, because it would come late or something is damaged, there is LR alone until the next key
 * frame: nothing before that is known for certain.
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 * @typedef {import("./native.js").Native} Native
 * @typedef {import("./native.js").Parsed} Parsed
 * @typedef {import("./native.js").Samples} Samples
 * @typedef {import("./pairing.js").Packet} Packet
 * @typedef {import("./frame_decoder.js").Planes} Planes
 *
 * @typedef {object} Coded a coded frame whose pictures are to come
 * @property {Parsed} parsed
 * @property {Promise<VideoFrame> | null} lr none where nothing needs it
 * @property {Promise<Samples | null> | null} anchor
 * @property {boolean} residual
 *
 * @typedef {object} Job
 * @property {Packet} packet
 * @property {boolean} begins whether HR can begin with it
 * @property {number} group key frames so far
 * @property {{matrix: number, fullRange: boolean}} colors
 * @property {Coded[]} frames those that were parsed; none where there is LR alone
 * @property {Promise<VideoFrame> | null} shown else
 *
 * @typedef {object} Shown
 * @property {number} index number of its packet
 * @property {number} time in units
 * @property {{matrix: number, fullRange: boolean}} colors
 * @property {Planes} lr
 * @property {Planes | null} hr
 * @property {string} source `anchor`, `rebuilt`, `upscaled` (nothing was known at HR) or `lr`
 */

import { AnchorDecoder } from "./anchor_picture.js";
import { bytesOf, copyPlanes, FrameDecoder } from "./frame_decoder.js";
import { begins, colorsOf, showExisting, shows, split } from "./vp9.js";

const VP9 = "vp09.00.51.08"; // profile 0, level 5.1, 8 bits: the level bounds nothing here
const MOST_FRAMES = 8; // of a packet
const MOST_HR_SAMPLES = 7680 * 4320, MOST_LR_SAMPLES = 3840 * 2160;
const BT709 = 1, UNSPECIFIED = [2, 3];

export class Rebuilder {
  /**
   * @param {Native} native
   * @param {number} scale HR samples for an LR sample, 1 to 4; 0 plays LR alone
   * @param {number} matrix what the container says of the video's colours
   * @param {(index: number, why: string) => void} damaged
   */
  constructor(native, scale, matrix, damaged) {
    this.native = native;
    this.scale = scale;
    this.assumed = UNSPECIFIED.includes(matrix) ? BT709 : matrix;
    this.colors = { matrix: this.assumed, fullRange: false };
    this.damaged = damaged;
    this.decoder = new FrameDecoder(VP9);
    this.anchors = new AnchorDecoder(native);
    this.decoding = false; // whether the decoder knows what the next packet refers to
    this.parsing = false; // and the parser
    this.whole = false; // and the reconstruction
    this.group = 0; // key frames fed
    this.known = false; // whether any anchor came since the last key frame without one
    if (scale) native.open(scale, Math.min(Math.floor(MOST_HR_SAMPLES / scale ** 2), MOST_LR_SAMPLES));
  }

  /** LR alone until the next key frame. @param {number} group to which what is lost belongs */
  fallBack(group) {
    this.whole = false;
    if (group === this.group) this.parsing = false;
  }

  /**
   * Hands the next packet on.
   * @param {Packet} packet
   * @param {AnchorImage[]} anchors
   * @returns {Job}
   */
  feed(packet, anchors) {
    /** @type {Job} */
    const job = { packet, begins: false, group: this.group, colors: this.colors, frames: [], shown: null };
    let split_;
    try {
      split_ = split(packet.data);
    } catch (error) {
      this.lose(job, /** @type {Error} */ (error));
      return job;
    }
    const key = begins(split_.frames[0]);
    if (key) {
      if (!this.decoder.usable) this.decoder.restart();
      const { matrix = this.assumed, fullRange } = colorsOf(split_.frames[0]);
      this.colors = { matrix, fullRange };
      if (this.scale && (matrix !== BT709 || fullRange)) {
        this.damaged(packet.index, "the video is not in BT.709, limited range: its anchors are not played");
        this.scale = 0;
      }
      this.decoding = this.parsing = true;
      job.begins = this.scale > 0;
      job.group = ++this.group;
      job.colors = this.colors;
    }
    if (!this.decoding || !this.decoder.usable) {
      this.decoding = false;
      return job;
    }
    if (this.scale && this.parsing) {
      try {
        this.frames(job, split_, anchors, key);
        return job;
      } catch (error) {
        this.lose(job, /** @type {Error} */ (error));
        if (job.frames.length) return job; // the decoder had a part of it
      }
    }
    const shown = split_.frames.some(shows);
    if (shown) job.shown = guarded(this.decoder.picture(packet.data, key));
    else this.decoder.feed(packet.data, key);
    return job;
  }

  /**
   * Parses a packet's frames, and feeds them to the decoders.
   * @param {Job} job
   * @param {{frames: Uint8Array[], indexed: boolean}} split_
   * @param {AnchorImage[]} anchors
   * @param {boolean} key
   */
  frames(job, { frames, indexed }, anchors, key) {
    const of = new Map(anchors.map((image) => [image.superIndex, image]));
    for (let i = 0; i < frames.length; i++) {
      const parsed = this.native.parse(frames[i], indexed || i === MOST_FRAMES - 1);
      // A packet without an index may hold several frames all the same: parsing tells.
      if (!indexed && parsed.size < frames[i].length) frames.push(frames[i].subarray(parsed.size));
      const data = frames[i].subarray(0, parsed.size), first = key && !i;
      /** @type {Coded} */
      const coded = { parsed, lr: null, anchor: null, residual: false };
      job.frames.push(coded);
      if (parsed.shown) coded.lr = guarded(this.decoder.picture(data, first));
      else {
        this.decoder.feed(data, first);
        if (parsed.refreshed) coded.lr = guarded(this.decoder.picture(showExisting(31 - Math.clz32(parsed.refreshed & -parsed.refreshed)), false));
      }
      const image = of.get(i);
      of.delete(i);
      if (!image || !coded.lr) continue;
      coded.residual = image.codec.endsWith("-residual");
      coded.anchor = this.anchors.samples(image, parsed.width * this.scale, parsed.height * this.scale).catch((error) => {
        this.damaged(job.packet.index, `anchor ${image.videoIndex}.${image.superIndex}: ${error.message}`);
        return null;
      });
    }
    for (const image of of.values()) this.damaged(job.packet.index, `anchor ${image.videoIndex}.${image.superIndex} is of no frame that could be decoded`);
  }

  /** @param {Job} job @param {Error} error */
  lose(job, error) {
    this.damaged(job.packet.index, `packet ${job.packet.index}: ${error.message}`);
    this.fallBack(job.group);
  }

  /**
   * The picture of a packet, in the order in which they were fed; null where it shows none, or none could be decoded.
   * @param {Job} job
   * @param {boolean} late whether HR would come too late
   * @returns {Promise<Shown | null>}
   */
  async finish(job, late) {
    if (job.begins) this.whole = true;
    if (late && this.whole) this.fallBack(job.group);
    const { colors } = job, { index, time } = job.packet;
    /** @type {Shown | null} */
    let shown = null;
    for (const coded of job.frames) {
      const anchor = await coded.anchor;
      let frame = null, lr = null;
      try {
        frame = await coded.lr;
        if (this.whole && frame) {
          lr = this.native.picture(coded.parsed.width, coded.parsed.height);
          await copyInto(frame, lr, this.native);
        }
      } catch (error) {
        this.lose(job, /** @type {Error} */ (error));
      }
      if (!this.whole || !lr || !frame) {
        this.native.drop();
        if (frame && coded.parsed.shown) shown = { index, time, colors, lr: await planesOf(frame), hr: null, source: "lr" };
      } else {
        shown = this.rebuilt(job, coded, lr, anchor) ?? shown;
      }
      frame?.close();
      for (const one of [lr, anchor]) if (one) this.native.release(one.at);
    }
    if (job.shown) {
      try {
        const frame = await job.shown;
        shown = { index, time, colors, lr: await planesOf(frame), hr: null, source: "lr" };
        frame.close();
      } catch (error) {
        this.lose(job, /** @type {Error} */ (error));
      }
    }
    return shown;
  }

  /**
   * @param {Job} job
   * @param {Coded} coded
   * @param {Samples} lr
   * @param {Samples | null} anchor
   * @returns {Shown | null}
   */
  rebuilt(job, { parsed, residual }, lr, anchor) {
    const { index, time } = job.packet;
    try {
      if (anchor && residual) this.native.addPrediction(lr, anchor);
      const hr = this.native.rebuild(lr, anchor);
      if (parsed.existing < 0) this.known = anchor !== null || (this.known && !parsed.key);
      if (!parsed.shown) return null;
      const data = new Uint8Array(bytesOf(hr.width, hr.height));
      hr.copy(data);
      return {
        index,
        time,
        colors: job.colors,
        lr: { width: lr.width, height: lr.height, data: this.native.samples(lr).slice() },
        hr: { width: hr.width, height: hr.height, data },
        source: anchor ? "anchor" : this.known ? "rebuilt" : "upscaled",
      };
    } catch (error) {
      this.lose(job, /** @type {Error} */ (error));
      return null;
    }
  }
}

/** A promise whose failure is seen where it is waited for. @template T @param {Promise<T>} promise */
function guarded(promise) {
  promise.catch(() => undefined);
  return promise;
}

/** @param {VideoFrame} frame @param {Samples} to @param {Native} native */
async function copyInto(frame, to, native) {
  const { width, height } = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
  if (width !== to.width || height !== to.height) throw new Error(`a picture is ${width}x${height}, not ${to.width}x${to.height}`);
  await copyPlanes(frame, native.samples(to));
}

/** @param {VideoFrame} frame @returns {Promise<Planes>} */
async function planesOf(frame) {
  const { width, height } = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
  const data = new Uint8Array(bytesOf(width, height));
  await copyPlanes(frame, data);
  return { width, height, data };
}
