"""The player tries lost connections again, and goes on where the stream is still the same: its modules, in Node."""

import json
import shutil
import subprocess
from base64 import b64encode
from fractions import Fraction

import pytest

from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.player.exported import PAGE
from ns_ray.video.packets import Packet

NODE = shutil.which("node")
RUN = """
import { chunks } from "./source.js";
import { packets } from "./stream.js";
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const waited = [], notes = [], indices = [];
globalThis.setTimeout = (work, ms) => { waited.push(ms); queueMicrotask(work); };
globalThis.WebSocket = class {
  constructor() {
    const { messages, clean } = SCRIPT.shift();
    queueMicrotask(() => {
      for (const text of messages) this.onmessage({ data: bytes(text).buffer });
      this.onclose({ wasClean: clean, code: clean ? 1000 : 1006 });
    });
  }
};
globalThis.fetch = async () => {
  const { messages, clean, status, headers } = SCRIPT.shift();
  const body = new ReadableStream({
    pull(sink) {
      if (messages.length) sink.enqueue(bytes(messages.shift()));
      else clean ? sink.close() : sink.error(new TypeError("network error"));
    },
  });
  return new Response(body, { status, headers });
};
let failed = "";
try {
  const lost = LISTENS ? (seconds) => notes.push(seconds) : null;
  for await (const one of packets(chunks(URL, lost), (index, why) => notes.push(why)))
    if (one.packet) indices.push([one.packet.index, one.packet.time]);
} catch (error) {
  failed = error.message;
}
console.log(JSON.stringify({ waited, notes, indices, failed }));
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """What the player's modules make of connections: messages, and whether they are closed in order."""
    if NODE is None:
        pytest.skip("no Node")
    folder = tmp_path_factory.mktemp("modules")
    for script in PAGE.glob("*.js"):
        shutil.copy(script, folder)
    (folder / "package.json").write_text('{"type": "module"}')

    def run(*connections: tuple[list[bytes], bool], url: str = "ws://x/", listens: bool = True, **http):
        script = [
            {"messages": [b64encode(one).decode() for one in messages], "clean": clean} | http
            for messages, clean in connections
        ]
        given = "".join(
            f"const {name} = {json.dumps(value)};"
            for name, value in (("SCRIPT", script), ("LISTENS", listens), ("URL", url))
        )
        (folder / "run.mjs").write_text(given + RUN)
        done = subprocess.run([NODE, folder / "run.mjs"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def stream(path, first: int, last: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A file of the packets from one number to another."""
    form = HybridFormat(size, (size[0] * 3, size[1] * 3), Fraction(25), Fraction(1, 1000), video_codec="vp9")
    packets = [Packet(i, b"packet %d" % i, 40 * i, 40, i % 10 == 0) for i in range(first, last)]
    append_epoch(path, form, 0, packets, ())
    return path.read_bytes()


@pytest.mark.parametrize("url", ["ws://x/", "http://x/"])
def test_a_lost_connection_is_tried_again_and_the_stream_goes_on(played, tmp_path, url):
    before, after = stream(tmp_path / "a", 0, 4), stream(tmp_path / "b", 10, 12)
    told = played(
        ([before[:-3]], False),  # in the middle of a packet
        ([], False),
        ([], False),
        ([after], True),
        url=url,
    )
    assert told == {
        "waited": [1000, 2000, 4000],
        "notes": [1, 2, 4, 0],
        "indices": [[0, 0], [1, 40], [2, 80], [3, 400], [4, 440]],
        "failed": "",
    }


def test_who_comes_to_nothing_does_not_try_again(played, tmp_path):
    whole = stream(tmp_path / "a", 0, 4)
    assert "cannot be read" in played(([], False))["failed"]
    assert "cannot be read" in played(([whole], False), listens=False)["failed"]


def test_a_file_that_breaks_off_does_not_begin_again(played, tmp_path):
    told = played(([stream(tmp_path / "a", 0, 4)], False), url="http://x/", headers={"Content-Length": "1000000"})
    assert "cannot be read: network error" in told["failed"]
    assert told["waited"] == []


def test_a_stream_that_is_gone_is_not_waited_for(played):
    assert "404" in played(([], True), url="http://x/", status=404)["failed"]


def test_another_stream_is_not_played_as_the_same(played, tmp_path):
    one, other = stream(tmp_path / "a", 0, 4), stream(tmp_path / "b", 0, 4, (96, 64))
    told = played(([one], False), ([other], True))
    assert "load the page again" in told["failed"]
    assert len(told["indices"]) >= 3
