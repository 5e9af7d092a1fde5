"""Hybrid files that were damaged anywhere: read and finished as far as they go, and no error but our own."""

import random
from fractions import Fraction
from itertools import islice

import av
import pytest
import streams
import vp9_streams
from made_streams import stream_of
from rich_streams import read, source, write

from ns_ray.errors import HybridError, NsRayError
from ns_ray.hybrid.reader import HybridReader
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.jobs import play

READ, FINISHED = 500, 200


@pytest.fixture(scope="module")
def what(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    plain = streams.encode(folder / "p.mkv", frames=20)
    return read(source(folder / "s.mkv", plain, audio="libopus", subtitles="srt"))


def mutations(data, seed):
    """Endless copies with bits flipped, bytes cut out, put in, zeroed or swapped; every other one in the header."""
    chance = random.Random(seed)
    header = data.index(b"\x1f\x43\xb6\x75") + 40
    while True:
        made = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(header if chance.random() < 0.5 else len(made))
            kind = chance.randrange(8)
            if kind == 0:
                del made[at : at + chance.randrange(1000)]
            elif kind == 1:
                made[at:at] = chance.randbytes(chance.randrange(100))
            elif kind == 2:
                made[at : at + 30] = bytes(len(made[at : at + 30]))
            elif kind == 3:
                made[at : at + 16], made[-16:] = made[-16:], made[at : at + 16]
            else:
                made[at] ^= 1 << chance.randrange(8)
            header = min(header, len(made) - 1)
        yield bytes(made)


def test_damaged_files_are_read_as_far_as_they_go(tmp_path, what):
    data = write(tmp_path / "h.mkv", what, epoch=7).read_bytes()
    damaged, frames, refused = tmp_path / "d.mkv", 0, 0
    for mutation in islice(mutations(data, 1), READ):
        damaged.write_bytes(mutation)
        try:
            frames += sum(1 for _ in HybridReader(str(damaged)))
        except NsRayError:
            refused += 1
    assert refused < READ // 2
    assert frames > READ * len(what.packets) // 2


@pytest.mark.parametrize("colors", [6, 7], ids=["reserved", "RGB, which 4:2:0 is not"])
@pytest.mark.parametrize("mode", ["lr", "best"])
def test_a_damaged_first_key_frame_tells_nothing_of_the_stream(tmp_path, colors, mode):
    """Its color_space (7.2.2) is wrong: FFmpeg and the decoder refuse that of RGB; the next key frame is sound."""
    coded = list(vp9_streams.encode(vp9_streams.Stream(96, 64, 6, (*vp9_streams.REALTIME, "-g", "3"))))
    assert coded[0][1:4] == b"\x49\x83\x42"
    coded[0] = coded[0][:4] + bytes([coded[0][4] & 0b11111 | colors << 5]) + coded[0][5:]
    form = HybridFormat((96, 64), (192, 128), Fraction(30), Fraction(1, 1000), video_codec="vp9")
    append_epoch(tmp_path / "h.mkv", form, 0, stream_of([packet] for packet in coded), [])
    assert play.main([str(tmp_path / "h.mkv"), "-o", str(tmp_path / "o.mkv"), "--mode", mode]) == 0
    with av.open(str(tmp_path / "o.mkv")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == (3 if colors == 7 else 6)
    assert int(frames[0].colorspace) in (1, 2)


def test_damaged_live_streams_are_finished_as_far_as_they_go(tmp_path, what):
    data = write(tmp_path / "h.mkv", what, epoch=7, whole=False).read_bytes()
    part, path = tmp_path / "d.mkv.part", tmp_path / "d.mkv"
    frames = 0
    for mutation in islice(mutations(data, 2), FINISHED):
        part.write_bytes(mutation)
        try:
            finish(part, path, what.format)
        except HybridError:
            assert part.read_bytes() == mutation
            continue
        frames += sum(1 for _ in HybridReader(str(path)))
    assert frames > FINISHED * len(what.packets) // 2
