/**
 * H.264 as Matroska has it (AVCC): packets of one frame at most, none of them hidden, whose pictures come out in the order
 * in which they are shown.
 *
 * @typedef {import("./native.js").Native} Native
 * @typedef {import("./native.js").Parsed} Parsed
 */

const SHORTEST = 7; // bytes of a record
const REACH = 33; // 16 pictures are shown before it, 16 more the decoder holds

export class H264 {
  /** @param {Native} native @param {Uint8Array} record AVCDecoderConfigurationRecord */
  constructor(native, record) {
    if (record.length < SHORTEST || record[0] !== 1) throw new Error("its H.264 configuration record (AVCC) is damaged; remux the video");
    this.native = native;
    this.record = record;
    const profile = Array.from(record.subarray(1, 4), (byte) => byte.toString(16).padStart(2, "0"));
    this.config = { codec: `avc1.${profile.join("")}`, description: record };
    this.reach = REACH;
    this.recovers = true;
    this.reveal = null;
  }

  /** Whether a packet shows a picture, and whether decoding can begin at it. @param {Uint8Array} packet */
  look(packet) {
    return this.native.lookH264(packet, (this.record[4] & 3) + 1);
  }

  /**
   * A packet's frame; none where it holds parameter sets alone.
   * @param {Uint8Array} packet
   * @returns {Generator<{parsed: Parsed, data: Uint8Array}>}
   */
  *frames(packet) {
    const parsed = this.native.parse(packet, true);
    if (parsed) yield { parsed, data: packet };
  }
}
