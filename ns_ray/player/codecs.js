/**
 * The video codecs that are played, and what the player asks of each.
 *
 * @typedef {import("./native.js").Native} Native
 * @typedef {import("./native.js").Parsed} Parsed
 *
 * @typedef {object} Codec a codec, for one stream
 * @property {{codec: string, description?: Uint8Array}} config as WebCodecs have it
 * @property {Uint8Array} record what the parser begins with, beside packets; none where it is empty
 * @property {number} reach packets behind its own that a picture may come with; 0 where each comes with its own
 * @property {boolean} recovers whether its parser itself tells, behind damage, which frames can be decoded all the same
 * @property {(packet: Uint8Array) => {shows: boolean, begins: boolean}} look whether a packet shows a picture, and whether
 *   decoding can begin at it, by its first bits; throws an Error where it is damaged
 * @property {(packet: Uint8Array) => Generator<{parsed: Parsed, data: Uint8Array}>} frames a packet's coded frames, parsed;
 *   throws an Error where one is damaged
 * @property {((refreshed: number) => Uint8Array) | null} reveal what has a decoder give out the hidden frame that it decoded
 *   last; null where frames are never hidden
 */

import { H264 } from "./h264.js";
import { Vp9 } from "./vp9.js";

/** By Matroska's CodecID. */
export const VIDEO_CODECS = /** @type {Record<string, new (native: Native, record: Uint8Array) => Codec>} */ ({
  V_VP9: Vp9,
  "V_MPEG4/ISO/AVC": H264,
});
