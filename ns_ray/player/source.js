/**
 * Bytes as they come: of a file, over HTTP, or a WebSocket's binary messages.
 *
 * @param {Blob | string} from a file, or a URL
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* chunks(from) {
  if (typeof from === "string" && /^wss?:/.test(from)) return yield* messages(from);
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
