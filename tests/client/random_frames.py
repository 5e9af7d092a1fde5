"""VP9 inter frames of random bits, of any size and with references of any size, as no encoder at hand makes them.

Whatever a bool decoder reads means something, so random bits give blocks, filters, references and vectors of every
kind. After them come zeros, as the end of a frame must: they read as intra blocks.
"""

from fractions import Fraction

import av
import numpy as np

from ns_ray.codecs.vp9.blocks import BlockParser, FrameBlocks
from ns_ray.errors import BitstreamError

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


def key_frame(planes: Planes) -> bytes:
    """A picture as a key frame that leaves all probabilities at their defaults."""
    height, width = planes[0].shape
    encoder = av.CodecContext.create("libvpx-vp9", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", Fraction(1, 30)
    encoder.options = {"crf": "4", "b": "0", "error-resilient": "1", "lag-in-frames": "0", "cpu-used": "6"}
    frame = av.VideoFrame(width, height, "yuv420p")
    for to, plane in zip(frame.planes, planes, strict=True):
        padded = np.zeros((to.height, to.line_size), np.uint8)
        padded[:, : to.width] = plane
        to.update(padded)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return bytes(packets[0])


class Decoder:
    """Gives the planes of each shown frame, by FFmpeg's `vp9` or by `libvpx-vp9`."""

    def __init__(self, name: str) -> None:
        self._codec = av.CodecContext.create(name, "r")
        self._codec.thread_count = 1

    def decode(self, frame: bytes) -> Planes:
        (picture,) = self._codec.decode(av.Packet(frame))
        rows = [np.frombuffer(p, np.uint8).reshape(-1, p.line_size) for p in picture.planes]
        y, u, v = (r[: p.height, : p.width].copy() for r, p in zip(rows, picture.planes, strict=True))
        return y, u, v


class BoolEncoder:
    """The inverse of section 9.2, all in one large number."""

    def __init__(self) -> None:
        self.low, self.range, self.bits = 0, 255, 0
        self.put(0)  # the marker

    def put(self, bit: int, probability: int = 128) -> None:
        split = 1 + ((self.range - 1) * probability >> 8)
        self.low, self.range = (self.low + split, self.range - split) if bit else (self.low, split)
        while self.range < 128:
            self.low, self.range, self.bits = self.low << 1, self.range << 1, self.bits + 1

    def bytes(self) -> bytes:
        length = (self.bits + 8 + 7) // 8
        return (self.low << 8 * length - self.bits - 8).to_bytes(length, "big") + bytes(1)


# Where section 6.3 codes a probability anew, and what it is by default (section 10.5): those not 0 here are changed.
SKIP = (192, 128, 64)
IS_INTER = (9, 102, 187, 225)
PARTITION = (
    *(199, 122, 141, 147, 63, 159, 148, 133, 118, 121, 104, 114),
    *(174, 73, 87, 92, 41, 83, 82, 99, 50, 53, 39, 39),
    *(177, 58, 59, 68, 26, 63, 52, 79, 25, 17, 14, 12),
    *(222, 34, 30, 72, 16, 44, 58, 32, 12, 10, 7, 6),
)


LONG = 41  # of vectors: that the longest part is below 2 samples


def moved(probability: int, step: int) -> int:
    """What a probability becomes by difference `step`, one of the first 20 (inv_remap_prob of section 6.3.5)."""
    difference = 7 + 13 * step

    def from_centre(centre: int) -> int:
        if difference > 2 * centre:
            return difference
        return centre - (difference + 1) // 2 if difference % 2 else centre + difference // 2

    centre = probability - 1
    return 1 + from_centre(centre) if 2 * centre <= 255 else 255 - from_centre(254 - centre)


def change(encoder: BoolEncoder, probability: int, wanted: int) -> None:
    """Code the change that comes closest to what is wanted."""
    step = min(range(20), key=lambda i: abs(moved(probability, i) - wanted))
    encoder.put(1, 252)
    for bit in f"0{step:04b}" if step < 16 else f"10{step - 16:04b}":
        encoder.put(int(bit))


def compressed_header(*, switchable: bool, compound: bool) -> bytes:
    """4x4 transforms, few coefficients, small blocks, little intra, long vectors; with `compound`, two references."""
    encoder = BoolEncoder()

    def keep(count: int) -> None:
        for _ in range(count):
            encoder.put(0, 252)

    for _ in range(2 + 1):  # tx_mode, coefficients
        encoder.put(0)
    for probability in SKIP:
        change(encoder, probability, 1)
    keep(21 + 8 * switchable)  # modes, filters
    for probability in IS_INTER:
        change(encoder, probability, 30)
    if compound:
        encoder.put(1)
        encoder.put(1)
    keep(5 * compound + 10 + 5 * compound + 36)  # references, intra modes
    for probability in PARTITION:
        change(encoder, probability, 90)
    keep(3)  # vectors
    for _ in range(2):
        keep(1)
        encoder.put(1, 252)
        for bit in f"{LONG >> 1:07b}":
            encoder.put(int(bit))
        keep(9 + 1 + 10)
    keep(2 * (6 + 3) + 2 * 2)
    return encoder.bytes()


class RandomStream:
    """A key frame and random frames after it; `frames` are their bytes, `facts` what the parser says of each."""

    def __init__(self, key_frame: bytes) -> None:
        self.frames = [key_frame]
        self.facts = self._facts()

    def add(
        self,
        rng: np.random.Generator,
        width: int,
        height: int,
        slots: tuple[int, int, int],
        refreshed: int,
        *,
        compound: bool = True,
    ) -> None:
        """Add a shown inter frame without a loop filter, with as many random bits as do not reach beyond its end.

        Args:
            rng: makes its bits.
            width, height: its luma samples, given without a word on those of its references; at most 4095 across.
            slots: of LAST, GOLDEN and ALTREF; references between twice and a 16th of its size.
            refreshed: bit i: it replaces slot i.
            compound: whether ALTREF lies on the other side of it in time, so that blocks may have two references.
        """
        switchable = bool(rng.integers(4))
        compressed = compressed_header(switchable=switchable, compound=compound)
        bits = "1000" + "0" + "1" + "1" + "0" + "00" + f"{refreshed:08b}"
        bits += "".join(f"{slot:03b}{int(compound and i == 2)}" for i, slot in enumerate(slots))
        bits += "000" + f"{width - 1:016b}{height - 1:016b}" + "0"
        bits += "1" + ("1" if switchable else f"0{rng.integers(4):02b}")  # precise vectors, interpolation filter
        bits += "0" + "1" + "00"  # the context stays, no adaptation, context 0
        bits += "000000" + "000" + "0"  # no loop filter
        bits += f"{rng.integers(1, 60):08b}" + "000" + "0"  # quantiser; no segmentation
        bits += "0" * ((width + 63) // 64 >= 8) + "0"  # one tile
        bits += f"{len(compressed):016b}"
        bits += "0" * (-len(bits) % 8)
        header = int(bits, 2).to_bytes(len(bits) // 8, "big") + compressed
        noise = rng.integers(0, 256, width * height // 40 + 8, dtype=np.uint8)
        noise[0] &= 127  # the marker
        while True:
            self.frames.append(header + noise.tobytes() + bytes(width * height // 8 + 64))
            try:
                self.facts = self._facts()
                return
            except BitstreamError:
                self.frames.pop()
            noise = noise[: len(noise) * 7 // 8]

    def _facts(self) -> list[FrameBlocks]:
        parser = BlockParser()
        return [parser.parse(frame) for frame in self.frames]
