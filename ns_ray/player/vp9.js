/**
 * VP9, profile 0 (bitstream specification): superframes, and the first bits of a frame.
 *
 * @typedef {import("./native.js").Native} Native
 * @typedef {import("./native.js").Parsed} Parsed
 */

const MOST_FRAMES = 8; // of a packet

export class Vp9 {
  /** @param {Native} native */
  constructor(native) {
    this.native = native;
    this.record = new Uint8Array(0);
    this.config = { codec: "vp09.00.51.08" }; // level 5.1, 8 bits: the level bounds nothing here
    this.reach = 0;
    this.recovers = false;
  }

  /** Whether a packet shows a picture, and whether decoding can begin at it. @param {Uint8Array} packet */
  look(packet) {
    const { frames } = split(packet);
    return { shows: frames.some(shows), begins: begins(frames[0]) };
  }

  /**
   * A packet's coded frames, in decode order.
   * @param {Uint8Array} packet
   * @returns {Generator<{parsed: Parsed, data: Uint8Array}>}
   */
  *frames(packet) {
    const { frames, indexed } = split(packet);
    for (let i = 0; i < frames.length; i++) {
      const parsed = /** @type {Parsed} */ (this.native.parse(frames[i], indexed || i === MOST_FRAMES - 1));
      // A packet without an index may hold several frames all the same: parsing tells.
      if (!indexed && parsed.size < frames[i].length) frames.push(frames[i].subarray(parsed.size));
      yield { parsed, data: frames[i].subarray(0, parsed.size) };
    }
  }

  /** A coded frame that only shows one of those slots (section 6.2). @param {number} refreshed */
  reveal(refreshed) {
    return Uint8Array.of(0b10001000 | (31 - Math.clz32(refreshed & -refreshed)));
  }
}

/**
 * The coded frames of a packet with an index (annex B), in decode order; one where it has none. Throws an Error where the
 * index is damaged.
 * @param {Uint8Array} packet
 * @returns {{frames: Uint8Array[], indexed: boolean}}
 */
function split(packet) {
  if (!packet.length) throw new Error("an empty packet holds no frame");
  const marker = packet[packet.length - 1];
  if ((marker & 0xe0) !== 0xc0) return { frames: [packet], indexed: false };
  const count = (marker & 7) + 1, width = ((marker >> 3) & 3) + 1, index = packet.length - 2 - count * width;
  if (index < 0 || packet[index] !== marker) throw new Error("a packet ends like a superframe index, but its index does not begin so");
  const frames = [];
  for (let i = 0, start = 0; i < count; i++) {
    let size = 0;
    for (let byte = width; byte--; ) size = size * 256 + packet[index + 1 + i * width + byte];
    if (!size || start + size > index) throw new Error(`frame ${i} of a superframe is empty or ends beyond its index`);
    frames.push(packet.subarray(start, start + size));
    start += size;
  }
  return { frames, indexed: true };
}

/** Bits of a frame's first byte behind show_existing_frame, frame_type and show_frame. @param {number} first */
const shift = (first) => ((first & 0x30) === 0x30 ? 0 : 1);

/** Whether a frame is shown. @param {Uint8Array} frame */
const shows = (frame) => frame[0] >> 6 !== 2 || ((frame[0] >> shift(frame[0])) & 0b101) !== 0;

/** Whether decoding can begin at a frame. @param {Uint8Array} frame */
const begins = (frame) => frame[0] >> 6 === 2 && ((frame[0] >> shift(frame[0])) & 0b110) === 0;
