/**
 * Brings anchors to the packets that their tags name (docs/hybrid-format.md, "Which packet an anchor belongs to").
 *
 * @typedef {import("./anchor_image.js").AnchorImage} AnchorImage
 *
 * @typedef {object} Packet
 * @property {number} index counted in this stream, from 0
 * @property {number} time in units
 * @property {Uint8Array} data
 */

const MOST_PACKETS = 64; // of one time; encoders make two
const MOST_BYTES = 128 << 20; // of anchors that wait for their packet

export class Pairing {
  /** @param {(index: number, why: string) => void} damaged told of each anchor that is lost */
  constructor(damaged) {
    this.damaged = damaged;
    /** @type {Packet[]} */
    this.together = [];
    /** @type {[number, AnchorImage][]} */
    this.waiting = [];
    this.shift = 0; // what tags count beyond this stream's own count
    this.told = false; // whether any anchor has told the shift
    /** @type {Set<number>} */
    this.suspected = new Set(); // shifts that would explain the last anchor that fitted nowhere
  }

  /**
   * Takes the next packet; yields those before it that are complete.
   * @param {Packet} packet
   * @returns {Generator<[Packet, AnchorImage[]]>}
   */
  *packet(packet) {
    const [first] = this.together;
    if (first && (packet.time !== first.time || this.together.length >= MOST_PACKETS)) yield* this.rest();
    this.together.push(packet);
  }

  /**
   * Takes the next anchor, with its time; yields the packets that it completes.
   * @param {number} time
   * @param {AnchorImage} image
   * @returns {Generator<[Packet, AnchorImage[]]>}
   */
  *anchor(time, image) {
    this.waiting.push([time, image]);
    while (this.waiting.reduce((sum, [, one]) => sum + one.data.length, 0) > MOST_BYTES) {
      const [, first] = /** @type {[number, AnchorImage]} */ (this.waiting.shift());
      this.lost(first, "waits for too long");
    }
    const [first] = this.together;
    if (first && time > first.time && !this.atHand().has(image.videoIndex - this.shift)) yield* this.rest();
  }

  /** What is left at the end of the stream. @returns {Generator<[Packet, AnchorImage[]]>} */
  *end() {
    yield* this.rest();
    yield* this.rest();
  }

  /**
   * The packets at hand; at the end, the last ones.
   * @returns {Generator<[Packet, AnchorImage[]]>}
   */
  *rest() {
    /** @type {Map<number, AnchorImage[]>} */
    const anchors = new Map(this.together.map((packet) => [packet.index, []]));
    const now = this.together[0]?.time;
    this.waiting = this.waiting.filter(([time, image]) => {
      const number = time === now ? this.number(image) : image.videoIndex - this.shift;
      const its = number === undefined ? undefined : anchors.get(number);
      if (its) its.push(image);
      else if (time === now) this.lost(image, "names another packet than that of its time");
      else if (now === undefined || time < now) this.lost(image, "comes after its packet, or belongs to none");
      else return true;
      return false;
    });
    const together = this.together;
    this.together = [];
    for (const packet of together)
      yield [packet, (anchors.get(packet.index) ?? []).sort((a, b) => a.superIndex - b.superIndex)];
  }

  /** Which of the packets of its time an anchor belongs to, by its tag. @param {AnchorImage} image */
  number(image) {
    const atHand = this.atHand(), number = image.videoIndex - this.shift;
    if (atHand.has(number)) {
      this.told = true;
      this.suspected = new Set();
      return number;
    }
    const shifts = [...atHand].map((one) => image.videoIndex - one);
    const agreed = this.told || shifts.length > 1 ? shifts.filter((one) => this.suspected.has(one)) : shifts;
    if (agreed.length !== 1) {
      this.suspected = new Set(shifts);
      return undefined;
    }
    // Should the anchor that told it be damaged, the next one brings the shift before it back.
    this.suspected = new Set([this.shift]);
    this.shift = agreed[0];
    this.told = true;
    return image.videoIndex - this.shift;
  }

  atHand() {
    return new Set(this.together.map((packet) => packet.index));
  }

  /** @param {AnchorImage} image @param {string} why */
  lost(image, why) {
    this.damaged(this.together.at(-1)?.index ?? 0, `anchor ${image.videoIndex}.${image.superIndex} ${why}`);
  }
}
