/**
 * Holds packets of a live stream back until the anchors that come late are there.
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 * @typedef {import("./pairing.js").Packet} Packet
 * @typedef {{time: number, packet: Packet} | {time: number, image: AnchorImage}} One
 */

import { Pairing } from "./pairing.js";

const MOST_BYTES = 256 << 20; // held; beyond that the first ones go on as they are

/** As `Pairing`, where anchors come after their packets by so many units of time at most. */
export class HeldPairing {
  /** @param {(index: number, why: string) => void} damaged @param {number} delay with 0 nothing is held */
  constructor(damaged, delay) {
    this.pairing = new Pairing(damaged);
    this.delay = delay;
    /** @type {One[]} */
    this.held = []; // by time, packets before anchors
    this.bytes = 0;
    this.latest = -Infinity;
  }

  /** @param {Packet} packet @returns {Generator<[Packet, AnchorImage[]]>} */
  *packet(packet) {
    this.latest = Math.max(this.latest, packet.time);
    yield* this.hold({ time: packet.time, packet }, packet.data.length);
  }

  /** @param {number} time @param {AnchorImage} image @returns {Generator<[Packet, AnchorImage[]]>} */
  *anchor(time, image) {
    yield* this.hold({ time, image }, image.data.length);
  }

  /** What is left at the end of the stream. @returns {Generator<[Packet, AnchorImage[]]>} */
  *end() {
    while (this.held.length) yield* this.letGo();
    yield* this.pairing.rest();
    yield* this.pairing.rest();
  }

  /** @param {One} one @param {number} size @returns {Generator<[Packet, AnchorImage[]]>} */
  *hold(one, size) {
    const behind = (/** @type {One} */ other) => other.time > one.time || (other.time === one.time && "image" in other && "packet" in one);
    let at = this.held.length;
    while (at && behind(this.held[at - 1])) at--;
    this.held.splice(at, 0, one);
    this.bytes += size;
    while (this.held.length && (this.held[0].time + this.delay <= this.latest || this.bytes > MOST_BYTES)) yield* this.letGo();
  }

  /** @returns {Generator<[Packet, AnchorImage[]]>} */
  *letGo() {
    const first = /** @type {One} */ (this.held.shift());
    if ("packet" in first) {
      this.bytes -= first.packet.data.length;
      yield* this.pairing.packet(first.packet);
    } else {
      this.bytes -= first.image.data.length;
      yield* this.pairing.anchor(first.time, first.image);
    }
  }
}
