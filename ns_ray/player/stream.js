/**
 * A hybrid stream: its tracks, and its packets with their anchors, from bytes as they come (docs/hybrid-format.md).
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 * @typedef {import("./matroska.js").Header} Header
 * @typedef {import("./pairing.js").Packet} Packet
 *
 * @typedef {object} About
 * @property {number} unit seconds a unit of time
 * @property {number} width of LR
 * @property {number} height
 * @property {number} matrix of its colours
 * @property {number} scale HR over LR; 0 where there are no anchors
 * @property {string} codec of the anchors
 * @property {number} delay seconds by which anchors may come after their packets, which are held back as long
 * @property {string} video the CodecID of the video
 * @property {Uint8Array} record its CodecPrivate
 */

import { CODECS, readTag } from "./anchor_image.js";
import { VIDEO_CODECS } from "./codecs.js";
import { HeldPairing } from "./held.js";
import { Demuxer } from "./matroska.js";
import { Pairing } from "./pairing.js";

const LONGEST_DELAY = 60; // seconds that a stream may have its packets held back
const IMAGES = ["V_AV1", "V_MJPEG", "V_MPEGH/ISO/HEVC"];

/** A ratio that a tag says, or 0. @param {string} said */
function ratio(said) {
  const [over, under = 1] = said.split("/").map(Number);
  return over > 0 && under > 0 ? over / under : 0;
}

/** @param {Header} header @returns {{about: About, video: number, images: number}} */
function tracksOf({ tracks, tags, unit }) {
  const video = tracks.find((one) => one.video && one.codec in VIDEO_CODECS);
  if (!video) throw new Error("there is no VP9 or H.264 video in this file");
  if (video.encoded) throw new Error("its packets are compressed or encrypted by the container");
  const candidates = tracks.filter((one) => one.video && IMAGES.includes(one.codec) && !one.encoded);
  const images = candidates.find((one) => one.name === "anchors") ?? candidates[0];
  const said = images && tags.get(images.uid);
  const codec = said?.get("ANCHOR_CODEC") ?? "jpeg";
  if (images && !CODECS.includes(codec)) throw new Error(`its anchors are in ${codec}; this player knows ${CODECS.join(", ")}`);
  const told = Number(said?.get("SCALE") ?? (images ? images.width / video.width : 0));
  const scale = [1, 2, 3, 4].includes(told) ? told : 0, { width, height, matrix } = video;
  const delay = Math.min(ratio(said?.get("ANCHOR_DELAY") ?? ""), LONGEST_DELAY);
  const about = { unit, width, height, matrix, scale, codec: images ? codec : "", delay, video: video.codec, record: video.private };
  return { about, video: video.number, images: images ? images.number : -1 };
}

/**
 * @param {AsyncIterable<Uint8Array>} chunks
 * @param {(index: number, why: string) => void} damaged
 * @returns {AsyncGenerator<{about: About} | {packet: Packet, anchors: AnchorImage[]}>}
 */
export async function* packets(chunks, damaged) {
  const demuxer = new Demuxer();
  /** @type {Pairing | HeldPairing} */
  let pairing = new Pairing(damaged);
  let video = -1, images = -1, count = 0;
  /** @param {Iterable<[Packet, AnchorImage[]]>} pairs */
  function* handed(pairs) {
    for (const [packet, anchors] of pairs) yield { packet, anchors };
  }
  for await (const chunk of chunks) {
    if (!chunk.length) demuxer.restart();
    for (const event of demuxer.push(chunk)) {
      if ("header" in event) {
        const found = tracksOf(event.header);
        ({ video, images } = found);
        const { about } = found;
        if (about.delay) pairing = new HeldPairing(damaged, Math.ceil(about.delay / about.unit));
        yield { about };
      } else if ("damage" in event) damaged(count, event.damage);
      else if (event.block.track === video) yield* handed(pairing.packet({ index: count++, time: event.block.time, data: event.block.data }));
      else if (event.block.track === images) {
        try {
          yield* handed(pairing.anchor(event.block.time, readTag(event.block.data)));
        } catch (error) {
          damaged(Math.max(0, count - 1), /** @type {Error} */ (error).message);
        }
      }
    }
  }
  if (video < 0) throw new Error("this is no Matroska file, or it is cut before its first picture");
  yield* handed(pairing.end());
}
