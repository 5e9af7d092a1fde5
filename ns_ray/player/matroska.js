/**
 * Reads Matroska (RFC 9559) from bytes as they come: from a file, HTTP or a WebSocket.
 *
 * @typedef {object} Track
 * @property {number} number
 * @property {number} uid
 * @property {boolean} video
 * @property {string} codec the CodecID
 * @property {string} name
 * @property {Uint8Array} private CodecPrivate
 * @property {number} width
 * @property {number} height
 * @property {number} matrix of Colour, an H.273 code; 2 is unspecified
 * @property {boolean} encoded whether its blocks are compressed or encrypted by the container
 *
 * @typedef {object} Header
 * @property {Track[]} tracks
 * @property {Map<number, Map<string, string>>} tags by TrackUID, names and values
 * @property {number} unit seconds a unit of time
 *
 * @typedef {object} Block
 * @property {number} track
 * @property {number} time in units
 * @property {Uint8Array} data
 *
 * @typedef {{header: Header} | {block: Block} | {damage: string}} Event
 */

const EBML = 0x1a45dfa3, SEGMENT = 0x18538067, CLUSTER = 0x1f43b675, INFO = 0x1549a966, TRACKS = 0x1654ae6b, TAGS = 0x1254c367;
const TIMESTAMP_SCALE = 0x2ad7b1, TIMESTAMP = 0xe7, SIMPLE_BLOCK = 0xa3, BLOCK_GROUP = 0xa0, BLOCK = 0xa1;
const TRACK_ENTRY = 0xae, TRACK_NUMBER = 0xd7, TRACK_UID = 0x73c5, TRACK_TYPE = 0x83, CODEC_ID = 0x86, NAME = 0x536e;
const CODEC_PRIVATE = 0x63a2, VIDEO = 0xe0, PIXEL_WIDTH = 0xb0, PIXEL_HEIGHT = 0xba, COLOUR = 0x55b0, MATRIX = 0x55b1;
const ENCODINGS = 0x6d80, TAG = 0x7373, TARGETS = 0x63c0, TAG_TRACK_UID = 0x63c5, SIMPLE_TAG = 0x67c8, TAG_NAME = 0x45a3, TAG_STRING = 0x4487;
const TOP = new Set([EBML, SEGMENT, CLUSTER, INFO, TRACKS, TAGS, 0x114d9b74, 0x1c53bb6b, 0x1941a469, 0x1043a770, 0xec, 0xbf]);
const IN_CLUSTER = new Set([TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP, 0xa7, 0xab, 0x5854, 0xaf, 0xec, 0xbf]);
const VIDEO_TYPE = 1;

/** Bytes of the largest element that is kept whole. */
export const LARGEST = 64 << 20;

/**
 * A variable-length number at a place; undefined where it is not whole. `value` is -1 where it is "unknown".
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {boolean} marked whether the length's mark stays, as in IDs
 * @returns {{value: number, next: number} | undefined}
 */
function number(bytes, at, marked) {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const length = Math.clz32(first) - 23;
  if (length > (marked ? 4 : 8)) return { value: NaN, next: at + 1 };
  if (at + length > bytes.length) return undefined;
  let value = marked ? first : first & (0xff >> length), unknown = !marked && value === 0xff >> length;
  for (let i = 1; i < length; i++) {
    value = value * 256 + bytes[at + i];
    unknown &&= bytes[at + i] === 0xff;
  }
  return { value: unknown ? -1 : value, next: at + length };
}

/**
 * The elements in whole bytes; ends at what is not whole.
 * @param {Uint8Array} bytes
 * @returns {Generator<{id: number, body: Uint8Array}>}
 */
function* elements(bytes) {
  for (let at = 0; at < bytes.length; ) {
    const id = number(bytes, at, true), size = id && number(bytes, id.next, false);
    if (!id || !size || !(size.value >= 0) || size.next + size.value > bytes.length) return;
    yield { id: id.value, body: bytes.subarray(size.next, size.next + size.value) };
    at = size.next + size.value;
  }
}

/** @param {Uint8Array} body */
const unsigned = (body) => body.reduce((value, byte) => value * 256 + byte, 0);
/** @param {Uint8Array} body */
const text = (body) => new TextDecoder().decode(body.slice()).replace(/\0+$/, "");

/** @param {Uint8Array} entry @returns {Track} */
function trackOf(entry) {
  const track = { number: 0, uid: 0, video: false, codec: "", name: "", private: new Uint8Array(0), width: 0, height: 0, matrix: 2, encoded: false };
  for (const { id, body } of elements(entry)) {
    if (id === TRACK_NUMBER) track.number = unsigned(body);
    else if (id === TRACK_UID) track.uid = unsigned(body);
    else if (id === TRACK_TYPE) track.video = unsigned(body) === VIDEO_TYPE;
    else if (id === CODEC_ID) track.codec = text(body);
    else if (id === NAME) track.name = text(body);
    else if (id === CODEC_PRIVATE) track.private = body.slice();
    else if (id === ENCODINGS) track.encoded = true;
    else if (id === VIDEO)
      for (const inner of elements(body)) {
        if (inner.id === PIXEL_WIDTH) track.width = unsigned(inner.body);
        else if (inner.id === PIXEL_HEIGHT) track.height = unsigned(inner.body);
        else if (inner.id === COLOUR) for (const one of elements(inner.body)) if (one.id === MATRIX) track.matrix = unsigned(one.body);
      }
  }
  return track;
}

/** @param {Uint8Array} body @param {Header["tags"]} tags */
function readTags(body, tags) {
  for (const tag of elements(body)) {
    if (tag.id !== TAG) continue;
    let uid = 0;
    const said = new Map();
    for (const { id, body: inner } of elements(tag.body)) {
      if (id === TARGETS) for (const one of elements(inner)) if (one.id === TAG_TRACK_UID) uid = unsigned(one.body);
      if (id !== SIMPLE_TAG) continue;
      let name = "", value = "";
      for (const one of elements(inner)) {
        if (one.id === TAG_NAME) name = text(one.body);
        if (one.id === TAG_STRING) value = text(one.body);
      }
      said.set(name, value);
    }
    tags.set(uid, new Map([...(tags.get(uid) ?? []), ...said]));
  }
}

export class Demuxer {
  constructor() {
    /** @type {Header} */
    this.header = { tracks: [], tags: new Map(), unit: 1e-3 };
    this.told = false;
    this.tracks = ""; // as they came
    this.restart();
  }

  /** The next bytes are the beginning of the same stream, joined later. */
  restart() {
    this.bytes = new Uint8Array(0);
    this.inCluster = false;
    this.lost = false; // looking for the next cluster
    this.passing = 0; // bytes still to be passed over
    this.clusterTime = 0;
  }

  /**
   * Takes the next bytes; yields what is whole with them: the header before the first block.
   * @param {Uint8Array} more
   * @returns {Generator<Event>}
   */
  *push(more) {
    const bytes = new Uint8Array(this.bytes.length + more.length);
    bytes.set(this.bytes);
    bytes.set(more, this.bytes.length);
    let at = 0;
    for (;;) {
      if (this.passing) {
        const passed = Math.min(this.passing, bytes.length - at);
        at += passed;
        this.passing -= passed;
        if (this.passing) break;
      }
      if (this.lost) {
        at = nextCluster(bytes, at);
        if (at + 4 > bytes.length) break;
        this.lost = false;
        this.inCluster = false;
      }
      const id = number(bytes, at, true), size = id && number(bytes, id.next, false);
      if (!id || !size) break;
      const here = TOP.has(id.value) || (this.inCluster && IN_CLUSTER.has(id.value));
      const open = id.value === SEGMENT || id.value === CLUSTER;
      if (!here || Number.isNaN(size.value) || (size.value < 0 && !open)) {
        yield { damage: "the file is damaged here; it is read on at its next cluster" };
        this.lost = true;
        at += 1;
        continue;
      }
      if (open) {
        this.inCluster = id.value === CLUSTER;
        if (this.inCluster && !this.told) {
          this.told = true;
          yield { header: this.header };
        }
        at = size.next;
        continue;
      }
      if (TOP.has(id.value) && id.value !== 0xec && id.value !== 0xbf) this.inCluster = false;
      if (size.value > LARGEST) {
        if (this.inCluster) yield { damage: `a packet of ${size.value} bytes is passed over` };
        this.passing = size.value;
        at = size.next;
        continue;
      }
      const end = size.next + size.value;
      if (end > bytes.length) break;
      yield* this.element(id.value, bytes.subarray(size.next, end));
      at = end;
    }
    this.bytes = bytes.slice(at);
  }

  /** @param {number} id @param {Uint8Array} body @returns {Generator<Event>} */
  *element(id, body) {
    if (id === TIMESTAMP) this.clusterTime = unsigned(body);
    else if (id === SIMPLE_BLOCK) yield* this.block(body);
    else if (id === BLOCK_GROUP) {
      for (const inner of elements(body)) if (inner.id === BLOCK) yield* this.block(inner.body);
    } else if (id === INFO) {
      for (const inner of elements(body)) if (inner.id === TIMESTAMP_SCALE) this.header.unit = unsigned(inner.body) / 1e9;
    } else if (id === TRACKS) {
      this.tracks ||= body.join();
      if (this.tracks !== body.join()) throw new Error("the stream is another than before: load the page again");
      if (!this.header.tracks.length) for (const inner of elements(body)) if (inner.id === TRACK_ENTRY) this.header.tracks.push(trackOf(inner.body));
    } else if (id === TAGS) readTags(body, this.header.tags);
  }

  /** @param {Uint8Array} body @returns {Generator<Event>} */
  *block(body) {
    const track = number(body, 0, false);
    if (!track || track.next + 3 > body.length) return;
    const time = (((body[track.next] << 8) | body[track.next + 1]) << 16) >> 16;
    if (body[track.next + 2] & 0x06) yield { damage: "a block of several frames (lacing) is passed over" };
    else yield { block: { track: track.value, time: this.clusterTime + time, data: body.slice(track.next + 3) } };
  }
}

/** Where the next cluster's ID is, or where it may still begin. @param {Uint8Array} bytes @param {number} at */
function nextCluster(bytes, at) {
  for (; at + 4 <= bytes.length; at++)
    if (bytes[at] === 0x1f && bytes[at + 1] === 0x43 && bytes[at + 2] === 0xb6 && bytes[at + 3] === 0x75) return at;
  return at;
}
