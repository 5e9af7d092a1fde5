/**
 * Bytes as they come: of a file, over HTTP, or a WebSocket's binary messages. Where a live connection is lost over which
 * something has come, another is tried, later and later; what comes begins anew then, behind an empty piece.
 */

const MOST_WAITING = 128 << 20; // bytes of messages that nobody has taken yet
const FIRST_PAUSE = 1, LONGEST_PAUSE = 30; // seconds before another connection is tried

/** A connection broke that another may replace. */
class Lost extends Error {}

/**
 * @param {Blob | string} from a file, or a URL
 * @param {((seconds: number) => void) | null} lost told when another connection is tried, and 0 when it is there; where
 *   nobody is told, none is
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* chunks(from, lost = null) {
  if (typeof from !== "string") return yield* pieces(from.stream());
  const connected = /^wss?:/.test(from) ? messages : answer;
  for (let pause = 0, begun = false; ; ) {
    try {
      for await (const piece of connected(from)) {
        if (pause) lost?.(0);
        if (pause) yield new Uint8Array(0);
        begun = true;
        pause = 0;
        yield piece;
      }
      return;
    } catch (error) {
      if (!begun || !lost || !(error instanceof Lost)) throw error;
    }
    pause = Math.min(2 * pause || FIRST_PAUSE, LONGEST_PAUSE);
    lost(pause);
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  }
}

/** @param {ReadableStream<Uint8Array>} stream @returns {AsyncGenerator<Uint8Array>} */
async function* pieces(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** What a server answers; without a length it is live. @param {string} url @returns {AsyncGenerator<Uint8Array>} */
async function* answer(url) {
  let told;
  let live = true;
  try {
    told = await fetch(url);
    live = told.ok && !told.headers.has("Content-Length");
    if (told.ok && told.body) return yield* pieces(told.body);
  } catch (error) {
    const why = `${url} cannot be read: ${/** @type {Error} */ (error).message}`;
    throw live ? new Lost(why) : new Error(why);
  }
  const why = `${url} cannot be read: ${told.status} ${told.statusText}`;
  throw told.status >= 500 ? new Lost(why) : new Error(why);
}

/** @param {string} url @returns {AsyncGenerator<Uint8Array>} */
async function* messages(url) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  /** @type {Uint8Array[]} */
  const waiting = [];
  /** @type {Error | null} */
  let failed = null;
  let bytes = 0, ended = false, wake = () => {};
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return;
    waiting.push(new Uint8Array(data));
    bytes += data.byteLength;
    if (bytes > MOST_WAITING) {
      failed = new Error(`${url} sends more than is played`);
      socket.close();
    }
    wake();
  };
  socket.onclose = ({ wasClean, code }) => {
    if (!wasClean) failed ??= new Lost(`${url} cannot be read: the connection is closed (${code})`);
    ended = true;
    wake();
  };
  while (!ended || waiting.length) {
    const next = waiting.shift();
    if (next) {
      bytes -= next.length;
      yield next;
    } else await new Promise((resolve) => (wake = () => resolve(undefined)));
  }
  if (failed) throw failed;
}
