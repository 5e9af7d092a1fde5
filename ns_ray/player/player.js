/**
 * The page: opens a stream, keeps time, shows pictures and says how it goes.
 *
 * In the page's address: `stream` the URL of a stream or file, `threads` how many, `report` a URL to which what was played
 * is sent; there is no waiting then, the last picture alone is drawn, and each is named by its digest, unless `digests=0`.
 *
 * @typedef {import("./rebuilder.js").Shown} Shown
 * @typedef {import("./engine.js").Told} Told
 */

import { View } from "./view.js";

const BEGIN = 8; // pictures at hand before time runs
const MOST_THREADS = 8;
const MATTERS = 2; // seconds that figures are taken over

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Addresses of what the page loads; an exported page (ns_ray/player/exported.py) brings it along.
 * @type {{engine: string, thread: string, wasm: string, type: WorkerType, stream?: Blob}}
 */
const files = /** @type {any} */ (globalThis).playerFiles ?? {
  engine: new URL("engine.js", document.baseURI).href,
  thread: new URL("thread.js", document.baseURI).href,
  wasm: new URL("player.wasm", document.baseURI).href,
  type: "module",
};
const asked = new URLSearchParams(location.search);

class Player {
  /** @param {Blob | string} from */
  constructor(from) {
    this.from = from;
    this.view = new View(/** @type {HTMLCanvasElement} */ (element("canvas")));
    this.report = asked.get("report");
    /** @type {{shown: Shown, told: Told}[]} */
    this.queue = [];
    this.origin = NaN;
    this.starved = false;
    this.lost = false; // the connection, until there is another
    this.ended = false;
    this.paused = false;
    this.pausedAt = 0;
    this.unit = 1e-3;
    this.scale = 0;
    this.note = ""; // why there is no HR at all
    this.begins = NaN; // wall-clock time of the first picture of a live stream, at the latest; NaN where it is there
    this.threads = 1;
    this.counts = { shown: 0, hr: 0, anchors: 0, damaged: 0 };
    /** @type {{shown: Shown, told: Told} | undefined} */
    this.last = undefined; // that was taken
    /** @type {{wall: number, time: number, hr: boolean, told: Told}[]} */
    this.recent = [];
    /** @type {object[]} */
    this.frames = [];
    /** @type {string[]} */
    this.damages = [];
    this.begun = performance.now();
  }

  async start() {
    if (!("VideoDecoder" in globalThis)) throw new Error("this browser has no WebCodecs; or the page is neither on HTTPS nor on this machine");
    const answer = await fetch(files.wasm);
    if (!answer.ok) throw new Error(`${files.wasm} cannot be read: build the player with ziglang (docs/player.md)`);
    const module = await WebAssembly.compile(await answer.arrayBuffer());
    const most = globalThis.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
    this.threads = Math.max(1, Math.min(most, Number(asked.get("threads") ?? most)));
    this.engine = new Worker(files.engine, { type: files.type });
    this.engine.onmessage = ({ data }) => this.hear(data);
    this.engine.onerror = ({ message }) => this.fail(message || "the worker cannot be loaded");
    this.engine.postMessage({ from: this.from, module, threads: this.threads, threadUrl: files.thread, digests: this.report !== null && asked.get("digests") !== "0" });
    const tick = () => {
      this.tick();
      requestAnimationFrame(tick);
    };
    if (this.report === null) requestAnimationFrame(tick);
  }

  /** @param {any} told of the worker */
  hear(told) {
    if (told.kind === "about") {
      const { about, note } = told;
      this.unit = about.unit;
      this.scale = about.scale;
      const canvas = this.view.canvas;
      [canvas.width, canvas.height] = [about.width * (about.scale || 1), about.height * (about.scale || 1)];
      element("note").textContent = note;
      this.note = note;
      if (about.delay) this.begins = performance.now() + 1000 * about.delay;
    } else if (told.kind === "packet") this.packet(told.shown, told.told);
    else if (told.kind === "damage") {
      this.counts.damaged++;
      element("state").textContent = told.why;
      if (this.damages.length < 1000) this.damages.push(told.why);
    } else if (told.kind === "lost") {
      this.lost = told.seconds > 0;
      element("state").textContent = told.seconds ? `the connection is lost; another is tried in ${told.seconds} s` : "";
    } else if (told.kind === "starved") this.starved = true;
    else if (told.kind === "end") this.end("");
    else if (told.kind === "failed") this.fail(told.why);
  }

  /** @param {Shown | null} shown @param {Told} told */
  packet(shown, told) {
    this.starved = false;
    this.counts.anchors += told.anchors;
    if (!shown) return;
    this.queue.push({ shown, told });
    if (this.report !== null) {
      const { index, time, source } = shown;
      this.frames.push({ index, time: time * this.unit, source, digest: told.digest ?? null });
      this.take(1);
    }
  }

  /** Shows the last of the next pictures, which are taken out of the queue. @param {number} count */
  take(count) {
    const taken = this.queue.splice(0, count), last = taken.at(-1);
    for (const { shown, told } of taken) this.recent.push({ wall: performance.now(), time: shown.time * this.unit, hr: shown.hr !== null, told });
    this.last = last ?? this.last;
    if (!Number.isNaN(this.begins)) {
      this.begins = NaN;
      element("state").textContent = "";
    }
    if (this.report === null) this.draw();
    this.counts.shown += last ? 1 : 0;
    this.counts.hr += last?.shown.hr ? 1 : 0;
    this.tell(taken.length);
  }

  /** Draws the picture that was taken last. */
  draw() {
    if (!this.last) return;
    const { lr, hr, colors } = this.last.shown;
    this.view.colors(colors.matrix, colors.fullRange);
    this.view.show(lr, hr);
    element("screen").classList.toggle("late", this.scale > 0 && !this.note && !hr);
  }

  /** @param {number} taken */
  tell(taken) {
    this.engine?.postMessage({ taken, origin: this.origin });
  }

  tick() {
    const now = performance.timeOrigin + performance.now();
    const [first] = this.queue;
    if (this.paused) return;
    if (!first) {
      if (!Number.isNaN(this.begins) && !this.lost) this.wait();
      if (this.starved) this.stop(); // what is late by the network is not late
      this.figures();
      return;
    }
    if (Number.isNaN(this.origin)) {
      if (this.queue.length < BEGIN && !this.ended) return;
      this.origin = now - first.shown.time * this.unit * 1000;
    }
    const media = (now - this.origin) / 1000;
    const due = this.queue.findLastIndex(({ shown }) => shown.time * this.unit <= media) + 1;
    if (due) this.take(due);
    this.figures();
  }

  /** Says when a live stream begins, whose pictures wait for their anchors. */
  wait() {
    const seconds = Math.ceil((this.begins - performance.now()) / 1000);
    element("state").textContent = `begins ${seconds > 0 ? `in ${seconds} s at most` : "soon"}: pictures wait for their anchors`;
  }

  /** Time stands still until there are pictures again. */
  stop() {
    if (Number.isNaN(this.origin)) return;
    this.origin = NaN;
    this.tell(0);
  }

  pause() {
    this.paused = !this.paused;
    this.stop();
    element("pause").textContent = this.paused ? "Play" : "Pause";
  }

  figures() {
    const now = performance.now();
    const begin = this.report === null ? now - 1000 * MATTERS : 0;
    while (this.recent.length && this.recent[0].wall < begin) this.recent.shift();
    const times = this.recent.map((one) => one.time), seconds = Math.max(...times) - Math.min(...times);
    const rate = (/** @type {"videoBytes" | "anchorBytes"} */ what) =>
      seconds > 0 ? ((this.recent.reduce((sum, { told }) => sum + told[what], 0) * 8) / seconds / 1e6).toFixed(2) : "-";
    const elapsed = this.recent.length > 1 ? (now - this.recent[0].wall) / 1000 : NaN;
    const fps = (/** @type {boolean} */ hr) => (elapsed > 0 ? (this.recent.filter((one) => !hr || one.hr).length / elapsed).toFixed(0) : "-");
    const { anchors, damaged } = this.counts;
    element("figures").textContent =
      `video ${rate("videoBytes")} + anchors ${rate("anchorBytes")} Mbit/s · ${fps(false)} fps, ${fps(true)} of them HR · ` +
      `${anchors} anchors · ${this.threads} thread${this.threads === 1 ? "" : "s"}${damaged ? ` · ${damaged} damaged` : ""}`;
  }

  /** @param {string} why */
  end(why) {
    this.ended = true;
    this.figures();
    element("state").textContent = why || "the end";
    if (this.report === null) return;
    this.draw();
    const { canvas, gl } = this.view, pixels = new Uint8Array(4 * canvas.width * canvas.height);
    this.view.line = 0;
    this.view.draw();
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const seconds = (performance.now() - this.begun) / 1000;
    const canvas_ = { width: canvas.width, height: canvas.height, pixels: btoa(Array.from(pixels, (byte) => String.fromCharCode(byte)).join("")) };
    const body = JSON.stringify({ why, note: this.note, threads: this.threads, seconds, frames: this.frames, damaged: this.damages, canvas: canvas_ });
    fetch(this.report, { method: "POST", body });
  }

  /** @param {string} why */
  fail(why) {
    this.end(why);
  }
}

/** @param {Blob | string} from */
async function play(from) {
  element("open").hidden = true;
  try {
    const player = new Player(from);
    element("pause").onclick = () => player.pause();
    const line = /** @type {HTMLInputElement} */ (element("line"));
    const move = () => {
      player.view.line = Number(line.value) / 1000;
      element("divider").style.left = `${Number(line.value) / 10}%`;
      player.view.draw();
    };
    line.oninput = move;
    move();
    await player.start();
  } catch (error) {
    element("state").textContent = /** @type {Error} */ (error).message;
    const report = asked.get("report");
    if (report !== null) fetch(report, { method: "POST", body: JSON.stringify({ why: /** @type {Error} */ (error).message, frames: [] }) });
  }
}

const stream = asked.get("stream");
if (files.stream) play(files.stream);
else if (stream) play(new URL(stream, location.href).href);
else {
  element("open").hidden = false;
  element("file").onchange = () => {
    const file = /** @type {HTMLInputElement} */ (element("file")).files?.[0];
    if (file) play(file);
  };
}
