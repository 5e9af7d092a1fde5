/** What the player reads of VP9 itself (bitstream specification): superframes, and the first bits of a frame. */

/**
 * The coded frames of a packet with an index (annex B), in decode order; one where it has none. Throws an Error where the
 * index is damaged.
 * @param {Uint8Array} packet
 * @returns {{frames: Uint8Array[], indexed: boolean}}
 */
export function split(packet) {
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
export const shows = (frame) => frame[0] >> 6 !== 2 || ((frame[0] >> shift(frame[0])) & 0b101) !== 0;

/** Whether decoding can begin at a frame. @param {Uint8Array} frame */
export const begins = (frame) => frame[0] >> 6 === 2 && ((frame[0] >> shift(frame[0])) & 0b110) === 0;

/** color_space of VP9 (section 7.2.2) as matrices of H.273; 0, unknown, is not among them. */
const MATRICES = /** @type {Record<number, number>} */ ({ 1: 5, 2: 1, 3: 6, 4: 7, 5: 9 });

/**
 * What a key frame of profile 0 says of its colours, behind its first byte and the sync code.
 * @param {Uint8Array} frame
 * @returns {{matrix: number | undefined, fullRange: boolean}}
 */
export const colorsOf = (frame) => ({ matrix: MATRICES[frame[4] >> 5], fullRange: ((frame[4] >> 4) & 1) === 1 });

/** A coded frame of profile 0 that only shows what a reference slot holds (section 6.2). @param {number} slot */
export const showExisting = (slot) => Uint8Array.of(0b10001000 | slot);
