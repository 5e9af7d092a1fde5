/**
 * Rebuilds a stream at high resolution, packet by packet, as ns_ray/client/rebuild.py does.
 *
 * Two steps, so that the browser decodes while WebAssembly rebuilds: `feed` hands a packet on, `finish` waits for its
 * pictures. Where HR cannot be, because it would come late or something is damaged, there is LR alone until the next key
 * frame: nothing before that is known for certain.
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 * @typedef {import("./codecs.js").Codec} Codec
 * @typedef {import("./native.js").Native} Native
 * @typedef {import("./native.js").Parsed} Parsed
 * @typedef {import("./native.js").Samples} Samples
 * @typedef {import("./pairing.js").Packet} Packet
 * @typedef {import("./frame_decoder.js").Picture} Picture
 * @typedef {import("./frame_decoder.js").Planes} Planes
 *
 * @typedef {{matrix: number, fullRange: boolean}} Colors
 *
 * @typedef {object} Coded a coded frame whose picture is to come
 * @property {Parsed} parsed
 * @property {Promise<Picture> | null} lr none where nothing needs it
 * @property {Promise<Samples | null> | null} anchor
 * @property {boolean} residual
 *
 * @typedef {object} Job
 * @property {Packet} packet
 * @property {boolean} begins whether HR can begin with it
 * @property {boolean} breaks whether HR ends with it
 * @property {number} group key frames so far
 * @property {Colors} colors
 * @property {Coded[]} frames those that were parsed; none where there is LR alone
 * @property {Promise<Picture> | null} shown else
 * @property {Promise<void>} decoded done when none of its pictures is to be waited for any more
 * @property {boolean} ready whether it is
 *
 * @typedef {object} Shown
 * @property {number} index number of its packet
 * @property {number} time in units
 * @property {Colors} colors
 * @property {Planes} lr
 * @property {Planes | null} hr
 * @property {string} source `anchor`, `rebuilt`, `upscaled` (nothing was known at HR) or `lr`
 *
 * @typedef {object} Finished what came of a packet
 * @property {Shown | null} shown none where it shows no picture, or none could be decoded
 * @property {number} place of that picture
 * @property {number[]} places of all its pictures (`ShownOrder`)
 */

import { AnchorDecoder } from "./anchor_picture.js";
import { bytesOf, copyPlanes, FrameDecoder } from "./frame_decoder.js";
import { MissingReference, Unsupported } from "./native.js";

const MOST_HR_SAMPLES = 7680 * 4320, MOST_LR_SAMPLES = 3840 * 2160;
const BT709 = 1, UNSPECIFIED = [2, 3];

export class Rebuilder {
  /**
   * @param {Native} native
   * @param {Codec} codec
   * @param {number} scale HR samples for an LR sample, 1 to 4; 0 plays LR alone
   * @param {number} matrix what the container says of the video's colours
   * @param {(index: number, why: string) => void} damaged
   * @param {() => void} changed called when the decoder has taken something
   */
  constructor(native, codec, scale, matrix, damaged, changed = () => undefined) {
    this.native = native;
    this.codec = codec;
    this.scale = scale;
    this.assumed = UNSPECIFIED.includes(matrix) ? BT709 : matrix;
    /** @type {Colors} */
    this.colors = { matrix: this.assumed, fullRange: false };
    this.damaged = damaged;
    this.decoder = new FrameDecoder(codec.config, codec.reach, changed);
    this.anchors = new AnchorDecoder(native);
    this.keys = 0; // key frames fed
    this.decoding = false; // whether the decoder knows what the next packet refers to
    this.parsing = false; // and the parser
    this.whole = false; // and the reconstruction
    this.sound = 0; // reference slots that hold what was rebuilt, bit i for slot i
    this.hoped = false; // whether what is fed may be rebuilt
    this.known = false; // whether any anchor came since the last key frame without one
    this.refused = ""; // why the video is not rebuilt
    const samples = scale ? Math.min(Math.floor(MOST_HR_SAMPLES / scale ** 2), MOST_LR_SAMPLES) : MOST_LR_SAMPLES;
    try {
      native.open(codec.record, scale || 1, samples);
      this.parsable = true;
    } catch (error) {
      this.refuse(0, /** @type {Error} */ (error));
      this.parsable = false;
    }
  }

  /** @param {number} index @param {Error} error */
  refuse(index, { message }) {
    if (this.scale && this.refused !== message) this.damaged(index, `the video is not rebuilt: ${message}`);
    this.refused = message;
  }

  /**
   * Hands the next packet on.
   * @param {Packet} packet
   * @param {AnchorImage[]} anchors
   * @returns {Job}
   */
  feed(packet, anchors) {
    /** @type {Job} */
    const job = { packet, begins: false, breaks: false, group: 0, colors: this.colors, frames: [], shown: null, decoded: Promise.resolve(), ready: false };
    try {
      this.take(job, anchors);
    } catch (error) {
      this.lose(job, /** @type {Error} */ (error));
      this.parsing &&= this.codec.recovers;
    }
    job.decoded = Promise.allSettled([job.shown, ...job.frames.map((coded) => coded.lr)]).then(() => {
      job.ready = true;
    });
    return job;
  }

  /** @param {Job} job @param {AnchorImage[]} anchors */
  take(job, anchors) {
    const { data } = job.packet, { shows, begins } = this.codec.look(data);
    if (begins) {
      if (!this.decoder.usable) this.decoder.restart();
      this.decoding = true;
      this.parsing = this.parsable;
      this.keys++;
    }
    job.group = this.keys;
    if (!this.decoding || !this.decoder.usable) {
      this.decoding = this.parsing = false;
      return;
    }
    if (!shows && !this.codec.reveal) return; // nothing to be decoded
    const frames = this.parsing && (this.scale || begins) ? this.parsed(job) : [];
    if (!frames) {
      this.orphans(job, anchors);
      return;
    }
    if (begins && frames.length) this.begin(job, frames[0].parsed);
    if (this.scale && frames.length) return this.hand(job, frames, anchors, begins);
    for (const { parsed } of frames) this.native.drop(parsed);
    if (shows) job.shown = guarded(this.decoder.picture(data, begins));
    else this.decoder.feed(data, begins);
  }

  /**
   * A packet's frames, parsed; none where they can be decoded all the same, and null where that cannot be known.
   * @param {Job} job
   * @returns {{parsed: Parsed, data: Uint8Array}[] | null}
   */
  parsed(job) {
    /** @type {{parsed: Parsed, data: Uint8Array}[]} */
    const frames = [];
    try {
      for (const one of this.codec.frames(job.packet.data)) frames.push(one);
      return frames;
    } catch (error) {
      for (const { parsed } of frames) this.native.drop(parsed);
      if (!this.scale) return [];
      if (error instanceof Unsupported) this.refuse(job.packet.index, error);
      else if (!(error instanceof MissingReference) || !early(job)) this.tell(job, /** @type {Error} */ (error));
      if (this.codec.recovers && !(error instanceof Unsupported)) return null;
      this.parsing = false;
      job.breaks = true;
      return [];
    }
  }

  /** Takes what a key frame says of the frames from it on. @param {Job} job @param {Parsed} parsed */
  begin(job, { matrix, fullRange }) {
    this.colors = job.colors = { matrix: UNSPECIFIED.includes(matrix) ? this.assumed : matrix, fullRange };
    if (this.scale && (this.colors.matrix !== BT709 || fullRange)) {
      this.damaged(job.packet.index, "the video is not in BT.709, limited range: its anchors are not played");
      this.scale = 0;
    }
    job.begins = this.hoped = this.scale > 0;
  }

  /**
   * Feeds a packet's frames to the decoders.
   * @param {Job} job
   * @param {{parsed: Parsed, data: Uint8Array}[]} frames
   * @param {AnchorImage[]} anchors
   * @param {boolean} key
   */
  hand(job, frames, anchors, key) {
    const of = new Map(this.hoped ? anchors.map((image) => [image.superIndex, image]) : []);
    job.frames = frames.map(({ parsed }) => ({ parsed, lr: null, anchor: null, residual: false }));
    for (const [i, { parsed, data }] of frames.entries()) {
      const coded = job.frames[i], first = key && !i;
      if (parsed.shown) coded.lr = guarded(this.decoder.picture(data, first));
      else {
        this.decoder.feed(data, first);
        if (this.hoped && parsed.refreshed && this.codec.reveal) coded.lr = guarded(this.decoder.picture(this.codec.reveal(parsed.refreshed), false));
      }
      const image = of.get(i);
      if (!image || !coded.lr) continue;
      of.delete(i);
      coded.residual = image.codec.endsWith("-residual");
      coded.anchor = this.anchors.samples(image, parsed.width * this.scale, parsed.height * this.scale).catch((error) => {
        this.damaged(job.packet.index, `anchor ${image.videoIndex}.${image.superIndex}: ${error.message}`);
        return null;
      });
    }
    this.orphans(job, of.values());
  }

  /** @param {Job} job @param {Iterable<AnchorImage>} anchors */
  orphans(job, anchors) {
    for (const image of anchors) this.damaged(job.packet.index, `anchor ${image.videoIndex}.${image.superIndex} is of no frame that could be decoded`);
  }

  /** @param {Job} job @param {Error} error */
  tell(job, error) {
    this.damaged(job.packet.index, `packet ${job.packet.index}: ${error.message}`);
  }

  /** LR alone from a packet on, until the next key frame. @param {Job} job @param {Error} error */
  lose(job, error) {
    this.tell(job, error);
    job.breaks = true;
  }

  /** Has all pictures come out that are still to come; nothing may be fed behind that. */
  end() {
    if (this.decoder.usable) this.decoder.flush();
  }

  /**
   * The picture of a packet, in the order in which they were fed.
   * @param {Job} job
   * @param {boolean} late whether HR would come too late
   * @returns {Promise<Finished>}
   */
  async finish(job, late) {
    if (job.begins && !this.whole) {
      this.whole = true;
      this.sound = 0;
    }
    if (late) job.breaks = true;
    /** @type {Finished} */
    const finished = { shown: null, place: -1, places: [] };
    for (const coded of job.frames) {
      const { parsed } = coded, anchor = await coded.anchor;
      this.whole &&= !job.breaks;
      const picture = await this.decoded(job, coded.lr), frame = picture?.frame;
      let lr = null;
      try {
        if (frame && this.whole && !(parsed.needed & ~this.sound)) lr = await this.copied(frame, parsed);
      } catch (error) {
        this.lose(job, /** @type {Error} */ (error));
      }
      if (picture) finished.places.push(picture.place);
      if (picture && parsed.shown) finished.place = picture.place;
      const shown = lr && this.rebuilt(job, coded, lr, anchor);
      if (!lr) this.sound &= ~parsed.refreshed;
      if (shown) finished.shown = shown;
      else if (frame && parsed.shown) finished.shown = this.low(job, await planesOf(frame, pictureOf(parsed)));
      frame?.close();
      for (const one of [lr, anchor]) if (one) this.native.release(one.at);
      this.native.drop(parsed);
    }
    const alone = await this.decoded(job, job.shown);
    if (alone) {
      finished.places.push(alone.place);
      finished.place = alone.place;
      finished.shown = this.low(job, await planesOf(alone.frame));
      alone.frame.close();
    }
    this.whole &&= !job.breaks;
    if (!this.whole && job.group === this.keys) {
      this.hoped = false;
      this.parsing &&= this.codec.recovers;
    }
    return finished;
  }

  /** A picture, if it comes. @param {Job} job @param {Promise<Picture> | null} due */
  async decoded(job, due) {
    try {
      return await due;
    } catch (error) {
      if (!this.codec.recovers) this.lose(job, /** @type {Error} */ (error));
      else if (!early(job)) this.tell(job, /** @type {Error} */ (error));
      return null;
    }
  }

  /** @param {Job} job @param {Planes} lr @returns {Shown} */
  low({ packet: { index, time }, colors }, lr) {
    return { index, time, colors, lr, hr: null, source: "lr" };
  }

  /**
   * All that was decoded of a frame, in memory that is the caller's to release.
   * @param {VideoFrame} frame
   * @param {Parsed} parsed
   * @returns {Promise<Samples>}
   */
  async copied(frame, parsed) {
    const { wholeWidth: width, wholeHeight: height } = parsed, { visibleRect } = frame;
    if (!pictureOf(parsed) && (visibleRect?.width !== width || visibleRect.height !== height))
      throw new Error(`a picture is ${visibleRect?.width}x${visibleRect?.height}, not ${width}x${height}`);
    const lr = this.native.picture(width, height);
    try {
      await copyPlanes(frame, this.native.samples(lr), { x: 0, y: 0, width, height });
      return lr;
    } catch (error) {
      this.native.release(lr.at);
      throw error;
    }
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
      if (anchor && residual) this.native.addPrediction(parsed, lr, anchor);
      const hr = this.native.rebuild(parsed, lr, anchor);
      if (parsed.existing < 0) this.known = anchor !== null || (this.known && !parsed.key);
      this.sound |= parsed.refreshed;
      if (!parsed.shown) return null;
      const data = new Uint8Array(bytesOf(hr.width, hr.height));
      hr.copy(data);
      return {
        index,
        time,
        colors: job.colors,
        lr: this.native.seen(parsed, lr),
        hr: { width: hr.width, height: hr.height, data },
        source: anchor ? "anchor" : this.known ? "rebuilt" : "upscaled",
      };
    } catch (error) {
      this.lose(job, /** @type {Error} */ (error));
      return null;
    }
  }
}

/** Whether playing has just begun: what is shown before the first key frame is no damage. @param {Job} job */
const early = (job) => job.group < 2;

/** A promise whose failure is seen where it is waited for. @template T @param {Promise<T>} promise */
function guarded(promise) {
  promise.catch(() => undefined);
  return promise;
}

/** Where the picture lies in what was coded; undefined where it is all of it. @param {Parsed} parsed */
function pictureOf({ left, top, width, height, wholeWidth, wholeHeight }) {
  return width === wholeWidth && height === wholeHeight ? undefined : { x: left, y: top, width, height };
}

/**
 * @param {VideoFrame} frame
 * @param {import("./frame_decoder.js").Rectangle} [rect]
 * @returns {Promise<Planes>}
 */
async function planesOf(frame, rect) {
  const { width, height } = rect ?? /** @type {DOMRectReadOnly} */ (frame.visibleRect);
  const data = new Uint8Array(bytesOf(width, height));
  await copyPlanes(frame, data, rect);
  return { width, height, data };
}
