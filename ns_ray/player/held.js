/**
 * Holds packets of a live stream back until the anchors that come late are there, as ns_ray/hybrid/held.py does.
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 * @typedef {import("./pairing.js").Packet} Packet
 *
 * @typedef {object} Held
 * @property {Packet} packet
 * @property {number} until the latest time up to it: where there are B frames, not its own
 * @property {AnchorImage[]} anchors so far
 */

import { Pairing } from "./pairing.js";

const MOST_BYTES = 256 << 20; // held; beyond that the first ones go on as they are

/** As `Pairing`, of a stream whose anchors come after their packets, by so many units of time at most. */
export class HeldPairing {
  /**
   * @param {(index: number, why: string) => void} damaged
   * @param {number} delay
   */
  constructor(damaged, delay) {
    this.damaged = damaged;
    this.pairing = new Pairing(damaged);
    this.delay = delay;
    /** @type {Held[]} */
    this.held = []; // as they came
    /** @type {Map<number, Held>} */
    this.byTime = new Map(); // the last packet of each time
    this.bytes = 0;
    this.first = Infinity; // time of the first packet
    this.latest = -Infinity;
  }

  /**
   * Takes the next packet; yields those that are complete with it.
   * @param {Packet} packet
   * @returns {Generator<[Packet, AnchorImage[]]>}
   */
  *packet(packet) {
    if (this.first === Infinity) this.first = packet.time;
    this.latest = Math.max(this.latest, packet.time);
    /** @type {Held} */
    const one = { packet, until: this.latest, anchors: [] };
    this.held.push(one);
    this.byTime.set(packet.time, one);
    this.bytes += packet.data.length;
    while (this.held.length && (this.held[0].until + this.delay <= this.latest || this.bytes > MOST_BYTES)) yield* this.letGo();
  }

  /**
   * Takes the next anchor, with its time; it completes no packet.
   *
   * Where no packet of its time is held, it is of one that was sent before the player came, which is no damage, or was
   * missed. Its number tells nothing then: players that come late count from 0, too.
   * @param {number} time
   * @param {AnchorImage} image
   * @returns {Generator<[Packet, AnchorImage[]]>}
   */
  *anchor(time, image) {
    const one = this.byTime.get(time);
    if (one) {
      one.anchors.push(image);
      this.bytes += image.data.length;
    } else if (time >= this.first) {
      const why = `anchor ${image.videoIndex}.${image.superIndex} comes after its packet, or belongs to none`;
      this.damaged(this.held.at(-1)?.packet.index ?? 0, why);
    }
  }

  /** What is left at the end of the stream. @returns {Generator<[Packet, AnchorImage[]]>} */
  *end() {
    while (this.held.length) yield* this.letGo();
    yield* this.pairing.end();
  }

  /** @returns {Generator<[Packet, AnchorImage[]]>} */
  *letGo() {
    const one = /** @type {Held} */ (this.held.shift());
    const { packet, anchors } = one;
    this.bytes -= anchors.reduce((sum, image) => sum + image.data.length, packet.data.length);
    if (this.byTime.get(packet.time) === one) this.byTime.delete(packet.time);
    yield* this.pairing.packet(packet);
    for (const image of anchors) yield* this.pairing.anchor(packet.time, image);
  }
}
