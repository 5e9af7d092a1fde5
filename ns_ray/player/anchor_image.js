/**
 * Anchors as images that name their frame (docs/hybrid-format.md, "Tags").
 *
 * @typedef {object} AnchorImage
 * @property {number} videoIndex
 * @property {number} superIndex
 * @property {string} codec
 * @property {[number, number] | null} size columns and rows of the HR picture, where the tag says them
 * @property {Uint8Array} data
 */

/** By the number in a tag. */
export const CODECS = ["jpeg", "jpeg-residual", "av1", "av1-residual", "hevc"];
const IDENTIFIER = [0x4e, 0x53, 0x52, 0x41, 0x59, 0]; // NSRAY
const METADATA = 5, SEQUENCE_HEADER = 1;

/**
 * The OBUs of an AV1 image (AV1 specification, section 5.3): types and payloads; ends at what is not whole.
 * @param {Uint8Array} data
 * @returns {Generator<{kind: number, body: Uint8Array}>}
 */
export function* obus(data) {
  for (let at = 0; at < data.length && !(data[at] & 0x80) && data[at] & 2; ) {
    let body = at + 1 + ((data[at] >> 2) & 1), size = 0;
    for (let position = 0; position < 8; position++) {
      if (body >= data.length) return;
      const byte = data[body++];
      size += (byte & 0x7f) * 2 ** (7 * position);
      if (byte < 0x80) break;
    }
    if (body + size > data.length) return;
    yield { kind: (data[at] >> 3) & 15, body: data.subarray(body, body + size) };
    at = body + size;
  }
}

/** @param {Uint8Array} data @returns {Generator<Uint8Array>} */
function* jpegSegments(data) {
  for (let at = 2; at + 4 <= data.length && data[at] === 0xff && data[at + 1] !== 0xda; ) {
    const length = (data[at + 2] << 8) | data[at + 3];
    if (data[at + 1] === 0xe9) yield data.subarray(at + 4, at + 2 + length);
    at += 2 + length;
  }
}

/** @param {Uint8Array} data @returns {Generator<Uint8Array>} */
function* metadata(data) {
  for (const { kind, body } of obus(data)) if (kind === METADATA) yield body.subarray(1);
}

/**
 * Which frame an image is of; throws an Error where it does not say.
 * @param {Uint8Array} data
 * @returns {AnchorImage}
 */
export function readTag(data) {
  const jpeg = data[0] === 0xff && data[1] === 0xd8;
  for (const body of jpeg ? jpegSegments(data) : metadata(data)) {
    if (body.length < 12 || !IDENTIFIER.every((byte, i) => body[i] === byte)) continue;
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const [version, videoIndex, superIndex] = [view.getUint8(6), view.getUint32(7), view.getUint8(11)];
    if (version === 1 && jpeg) return { videoIndex, superIndex, codec: "jpeg", size: null, data };
    if (version !== 2 || body.length < 17) throw new Error(`an anchor is marked in version ${version}; this player knows versions 1 and 2`);
    const codec = CODECS[view.getUint8(12)];
    if (!codec?.startsWith(jpeg ? "jpeg" : "av1")) throw new Error(`anchor ${videoIndex}.${superIndex} is of a codec that this player does not know`);
    return { videoIndex, superIndex, codec, size: [view.getUint16(13), view.getUint16(15)], data };
  }
  throw new Error("an anchor does not name its frame");
}

/**
 * Columns and rows of the pictures that an AV1 sequence header allows for (section 5.5); [0, 0] where there is none.
 * @param {Uint8Array} data
 * @returns {[number, number]}
 */
export function largestSize(data) {
  for (const { kind, body } of obus(data)) {
    if (kind !== SEQUENCE_HEADER) continue;
    let at = 0;
    const bits = (/** @type {number} */ count) => {
      let value = 0;
      for (; count; count--, at++) value = value * 2 + (((body[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
      return value;
    };
    bits(4); // profile, still_picture
    if (bits(1)) bits(5); // reduced_still_picture_header
    else {
      if (bits(1)) return [0, 0]; // timing information: no anchor has it
      const delay = bits(1);
      for (let points = bits(5) + 1; points; points--) {
        bits(12);
        if (bits(5) > 7) bits(1);
        if (delay && bits(1)) bits(4);
      }
    }
    const [across, down] = [bits(4) + 1, bits(4) + 1];
    return [bits(across) + 1, bits(down) + 1];
  }
  return [0, 0];
}
