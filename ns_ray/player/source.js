/**
 * Bytes as they come: of a file, over HTTP, or a WebSocket's binary messages. Where a connection is lost over which
 * messages have come, another is tried, later and later; what comes begins anew then, behind an empty piece.
 *
 * @param {Blob | string} from a file, or a URL
 * @param {((seconds: number) => void) | null} lost told when another connection is tried, and 0 when it is there; where
 *   nobody is told, none is
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* chunks(from, lost = null) {
  if (typeof from === "string" && /^wss?:/.test(from)) return yield* connections(from, lost);
  let stream;
  if (typeof from === "string") {
    const answer = await fetch(from);
    if (!answer.ok || !answer.body) throw new Error(`${from} cannot be read: ${answer.status} ${answer.statusText}`);
    stream = answer.body;
  } else stream = from.stream();
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

const MOST_WAITING = 128 << 20; // bytes of messages that nobody has taken yet
const FIRST_PAUSE = 1, LONGEST_PAUSE = 30; // seconds before another connection is tried

/** @param {string} url @param {((seconds: number) => void) | null} lost @returns {AsyncGenerator<Uint8Array>} */
async function* connections(url, lost) {
  for (let pause = 0, begun = false; ; ) {
    try {
      for await (const message of messages(url)) {
        if (pause) lost?.(0);
        if (pause) yield new Uint8Array(0);
        begun = true;
        pause = 0;
        yield message;
      }
      return;
    } catch (error) {
      if (!begun || !lost) throw error;
    }
    pause = Math.min(2 * pause || FIRST_PAUSE, LONGEST_PAUSE);
    lost(pause);
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  }
}

/** @param {string} url @returns {AsyncGenerator<Uint8Array>} */
async function* messages(url) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  /** @type {Uint8Array[]} */
  const waiting = [];
  let bytes = 0, ended = "", wake = () => {};
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return;
    waiting.push(new Uint8Array(data));
    bytes += data.byteLength;
    if (bytes > MOST_WAITING) {
      ended = `${url} sends more than is played`;
      socket.close();
    }
    wake();
  };
  socket.onclose = ({ wasClean, code }) => {
    ended ||= wasClean ? "end" : `${url} cannot be read: the connection is closed (${code})`;
    wake();
  };
  while (!ended || waiting.length) {
    const next = waiting.shift();
    if (next) {
      bytes -= next.length;
      yield next;
    } else await new Promise((resolve) => (wake = () => resolve(undefined)));
  }
  if (ended !== "end") throw new Error(ended);
}
