/**
 * The worker that makes pictures of a stream: it reads, decodes and rebuilds ahead of the page that shows them.
 *
 * @typedef {import("./rebuilder.js").Shown} Shown
 * @typedef {import("./rebuilder.js").Job} Job
 * @typedef {import("./pairing.js").Packet} Packet
 * @typedef {import("./stream.js").About} About
 *
 * @typedef {object} Order what the page begins with
 * @property {Blob | string} from
 * @property {WebAssembly.Module} module
 * @property {number} threads
 * @property {string} threadUrl
 * @property {boolean} digests whether to tell what each picture is
 *
 * @typedef {object} Told of a packet
 * @property {number} videoBytes
 * @property {number} anchorBytes
 * @property {number} anchors
 * @property {string} [digest] SHA-256 of the HR picture's samples
 */

import { REFUSED } from "./anchor_picture.js";
import { VIDEO_CODECS } from "./codecs.js";
import { Native } from "./native.js";
import { Rebuilder } from "./rebuilder.js";
import { ShownOrder } from "./shown_order.js";
import { chunks } from "./source.js";
import { packets } from "./stream.js";

const AHEAD = 4; // packets that the browser decodes meanwhile
const MOST_WAITING = 12; // pictures that the page has not shown yet
const MOST_READ = 16; // packets read and not fed yet

/** What several wait for. */
class Signal {
  constructor() {
    this.wake = () => {};
    this.next = new Promise((resolve) => (this.wake = () => resolve(undefined)));
  }
  give() {
    this.wake();
    this.next = new Promise((resolve) => (this.wake = () => resolve(undefined)));
  }
}

class Engine {
  /** @param {Order} order */
  constructor(order) {
    this.order = order;
    this.changed = new Signal();
    this.waiting = 0; // pictures at the page
    this.shown = 0; // pictures that went there
    this.origin = NaN; // wall-clock time of media time 0, in ms; NaN while nothing plays
    /** @type {{packet: Packet, anchors: import("./anchor_image.js").AnchorImage[]}[]} */
    this.read = [];
    this.ended = false;
    /** @type {Rebuilder | null} */
    this.rebuilder = null;
    /** @type {Error | null} */
    this.failed = null;
    this.unit = 1e-3;
    /** @type {ShownOrder<{shown: Shown, told: Told}>} */
    this.shownOrder = new ShownOrder();
  }

  async run() {
    const native = await Native.start(this.order.module, this.order.threads, this.order.threadUrl);
    this.reading(native).catch((error) => (this.failed = error)).finally(() => {
      this.ended = true;
      this.changed.give();
    });
    /** @type {{job: Job, told: Told}[]} */
    const jobs = [];
    for (;;) {
      const first = jobs.at(0);
      const next = this.roomy(jobs.length, first?.job) ? this.read.shift() : undefined;
      if (next) {
        this.changed.give();
        const { packet, anchors } = next;
        const told = { videoBytes: packet.data.length, anchorBytes: anchors.reduce((sum, one) => sum + one.data.length, 0), anchors: anchors.length };
        jobs.push({ job: /** @type {Rebuilder} */ (this.rebuilder).feed(packet, anchors), told });
      } else if (first?.job.ready) {
        jobs.shift();
        await this.finish(first.job, first.told);
      } else if (this.ended && !this.read.length) {
        if (!first) break;
        this.rebuilder?.end();
        await first.job.decoded;
      } else {
        if (!this.read.length) postMessage({ kind: "starved" });
        await Promise.race([this.changed.next, ...(first ? [first.job.decoded] : [])]);
      }
    }
    if (this.failed) throw this.failed;
    if (!this.shown) throw new Error("none of its pictures can be decoded");
    postMessage({ kind: "end" });
  }

  /**
   * Whether to feed another packet: a picture may come with packets far behind its own.
   * @param {number} count jobs so far
   * @param {Job | undefined} first of them
   */
  roomy(count, first) {
    if (count < AHEAD || !this.rebuilder) return true;
    const { reach, hungry } = this.rebuilder.decoder;
    return count <= reach + 1 && !first?.ready && hungry;
  }

  /** @param {Native} native */
  async reading(native) {
    const damaged = (/** @type {number} */ index, /** @type {string} */ why) => postMessage({ kind: "damage", index, why });
    const lost = (/** @type {number} */ seconds) => postMessage({ kind: "lost", seconds });
    for await (const one of packets(chunks(this.order.from, this.order.digests ? null : lost), damaged)) {
      if ("about" in one) {
        const { about } = one, why = REFUSED[about.codec];
        this.unit = about.unit;
        const codec = new VIDEO_CODECS[about.video](native, about.record);
        this.rebuilder = new Rebuilder(native, codec, why ? 0 : about.scale, about.matrix, damaged, () => this.changed.give());
        postMessage({ kind: "about", about, note: why ? `anchors in ${about.codec} are not played: ${why}` : about.scale ? "" : "there are no anchors" });
        continue;
      }
      this.read.push(one);
      this.changed.give();
      while (this.read.length >= MOST_READ) await this.changed.next;
    }
  }

  /** @param {Job} job @param {Told} told */
  async finish(job, told) {
    while (this.waiting >= MOST_WAITING) await this.changed.next;
    const due = this.origin + job.packet.time * this.unit * 1000;
    const { shown, place, places } = await /** @type {Rebuilder} */ (this.rebuilder).finish(job, wall() > due);
    if (shown?.hr && this.order.digests) told.digest = await digest(shown.hr.data);
    if (!shown) this.send(null, told);
    for (const one of places)
      for (const next of this.shownOrder.put(one, shown && one === place ? { shown, told } : null)) this.send(next.shown, next.told);
  }

  /** @param {Shown | null} shown @param {Told} told */
  send(shown, told) {
    if (shown) {
      this.waiting++;
      this.shown++;
    }
    const buffers = shown ? [shown.lr.data.buffer, ...(shown.hr ? [shown.hr.data.buffer] : [])] : [];
    postMessage({ kind: "packet", shown, told }, { transfer: buffers });
  }
}

const wall = () => performance.timeOrigin + performance.now();

/** @param {Uint8Array<ArrayBuffer>} data */
async function digest(data) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @type {Engine | null} */
let engine = null;

onmessage = ({ data }) => {
  if (!engine) {
    engine = new Engine(data);
    engine.run().catch((error) => postMessage({ kind: "failed", why: String(error?.message ?? error) }));
    return;
  }
  engine.waiting -= data.taken;
  engine.origin = data.origin;
  engine.changed.give();
};
