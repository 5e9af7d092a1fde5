"""Changes parameter sets and slice headers of a stream, to make of it what no encoder at hand makes.

The slices' data stay as they are: what comes out is a valid stream whose pictures nobody meant. Streams must be
progressive, of one sequence and picture parameter set, in Baseline or Main profile (7.3.2.1, 7.3.2.2, 7.3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nal_units import START, to_bits, to_unit, units

P, B, I = 0, 1, 2  # noqa: E741


class Bits:
    """Reads a string of 0 and 1."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def u(self, count: int) -> int:
        self.at += count
        return int(self.text[self.at - count : self.at] or "0", 2)

    def ue(self) -> int:
        zeros = self.text.index("1", self.at) - self.at
        self.at += zeros
        return self.u(zeros + 1) - 1

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -code // 2

    def rest(self) -> str:
        return self.text[self.at :]


def u(value: int, count: int) -> str:
    return f"{value:0{count}b}" if count else ""


def ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def se(value: int) -> str:
    return ue(2 * value - 1 if value > 0 else -2 * value)


@dataclass
class Sps:
    profile: int
    fixed: str  # constraint flags, level and id
    log2_max_frame_num: int
    poc_type: int
    order: str  # what belongs to poc_type
    log2_max_poc_lsb: int
    max_references: int
    gaps_allowed: int
    size: str
    direct_8x8_inference: int
    rest: str

    @classmethod
    def read(cls, text: str) -> Sps:
        bits = Bits(text)
        profile = bits.u(8)
        assert profile in (66, 77), "a stream with profile=main, please"
        bits.u(16)
        bits.ue()
        fixed = text[8 : bits.at]
        log2_max_frame_num = 4 + bits.ue()
        poc_type = bits.ue()
        assert poc_type != 1
        start = bits.at
        log2_max_poc_lsb = 4 + bits.ue() if poc_type == 0 else 0
        order = bits.text[start : bits.at]
        max_references, gaps = bits.ue(), bits.u(1)
        start = bits.at
        bits.ue()
        bits.ue()
        assert bits.u(1), "frame_mbs_only_flag"
        size = text[start : bits.at]
        return cls(profile, fixed, log2_max_frame_num, poc_type, order, log2_max_poc_lsb, max_references, gaps, size,
                   bits.u(1), bits.rest())  # fmt: skip

    def write(self) -> str:
        return (u(self.profile, 8) + self.fixed + ue(self.log2_max_frame_num - 4) + ue(self.poc_type) + self.order
                + ue(self.max_references) + u(self.gaps_allowed, 1) + self.size + u(self.direct_8x8_inference, 1)
                + self.rest)  # fmt: skip


@dataclass
class Pps:
    cabac: int
    active: list[int]
    weighted: int
    weighted_bi: int
    head: str  # up to weighted
    rest: str

    @classmethod
    def read(cls, text: str) -> Pps:
        bits = Bits(text)
        assert bits.ue() == 0 == bits.ue()
        cabac, order_in_slices, groups = bits.u(1), bits.u(1), bits.ue()
        assert not order_in_slices
        assert groups == 0
        active = [1 + bits.ue(), 1 + bits.ue()]
        head = text[: bits.at]
        return cls(cabac, active, bits.u(1), bits.u(2), head, bits.rest())

    def write(self) -> str:
        return self.head + u(self.weighted, 1) + u(self.weighted_bi, 2) + self.rest


@dataclass
class SliceHeader:
    """changes: of each list, (operation, value) or None. marking: (operation, values...) or None: sliding window."""

    first: int = 0
    type: int = 0
    frame_num: int = 0
    idr_id: int | None = None
    poc_lsb: int = 0
    direct_spatial: int = 0
    active: list[int] | None = None  # where it overrides the PPS
    changes: list[list[tuple[int, int]] | None] = field(default_factory=lambda: [None, None])
    weights: str = ""
    idr_flags: str = "00"
    marking: list[tuple[int, ...]] | None = None
    rest: str = ""


def _read_weights(bits: Bits, counts: Iterable[int]) -> str:
    start = bits.at
    bits.ue()
    bits.ue()
    for count in counts:
        for _ in range(count):
            for pairs in (1, 2):
                if bits.u(1):
                    for _ in range(2 * pairs):
                        bits.se()
    return bits.text[start : bits.at]


def _read_header(bits: Bits, header: int, sps: Sps, pps: Pps) -> SliceHeader:
    result = SliceHeader(bits.ue(), bits.ue() % 5)
    bits.ue()
    result.frame_num = bits.u(sps.log2_max_frame_num)
    if header & 31 == 5:
        result.idr_id = bits.ue()
    if sps.poc_type == 0:
        result.poc_lsb = bits.u(sps.log2_max_poc_lsb)
    lists = {I: 0, P: 1, B: 2}[result.type]
    if lists == 2:
        result.direct_spatial = bits.u(1)
    if lists and bits.u(1):
        result.active = [1 + bits.ue() for _ in range(lists)]
    for i in range(lists):
        if bits.u(1):
            changes = []
            while (operation := bits.ue()) != 3:
                changes.append((operation, bits.ue()))
            result.changes[i] = changes
    if (result.type == P and pps.weighted) or (result.type == B and pps.weighted_bi == 1):
        result.weights = _read_weights(bits, (result.active or pps.active)[:lists])
    if header >> 5 & 3:
        if header & 31 == 5:
            result.idr_flags = u(bits.u(2), 2)
        elif bits.u(1):
            result.marking = []
            while operation := bits.ue():
                values = {1: 1, 2: 1, 3: 2, 4: 1, 5: 0, 6: 1}[operation]
                result.marking.append((operation, *(bits.ue() for _ in range(values))))
    start = bits.at
    if pps.cabac and result.type != I:
        bits.ue()
    bits.se()
    if bits.ue() != 1:  # deblocking_filter_control_present_flag is always set by x264
        bits.se()
        bits.se()
    result.rest = bits.text[start : bits.at]
    return result


def _write_header(slice_header: SliceHeader, header: int, sps: Sps) -> str:
    text = (
        ue(slice_header.first) + ue(5 + slice_header.type) + ue(0) + u(slice_header.frame_num, sps.log2_max_frame_num)
    )
    if header & 31 == 5:
        text += ue(slice_header.idr_id or 0)
    if sps.poc_type == 0:
        text += u(slice_header.poc_lsb, sps.log2_max_poc_lsb)
    lists = {I: 0, P: 1, B: 2}[slice_header.type]
    if lists == 2:
        text += u(slice_header.direct_spatial, 1)
    if lists:
        text += u(slice_header.active is not None, 1) + "".join(ue(count - 1) for count in slice_header.active or ())
    for changes in slice_header.changes[:lists]:
        text += "0" if changes is None else "1" + "".join(ue(a) + ue(b) for a, b in changes) + ue(3)
    text += slice_header.weights
    if header >> 5 & 3:
        if header & 31 == 5:
            text += slice_header.idr_flags
        elif slice_header.marking is None:
            text += "0"
        else:
            text += "1" + "".join(ue(value) for operation in slice_header.marking for value in operation) + ue(0)
    return text + slice_header.rest


def rewrite(
    packets: Iterable[bytes],
    edit_slice: Callable[[int, SliceHeader], None] = lambda number, header: None,
    edit_sps: Callable[[Sps], None] = lambda sps: None,
    edit_pps: Callable[[Pps], None] = lambda pps: None,
) -> tuple[bytes, ...]:
    """Pass parameter sets and slice headers, these with their packet's number, through functions that change them."""
    sps = old = pps = None
    result = []
    for number, packet in enumerate(packets):
        out = b""
        for unit in units(packet):
            kind = unit[0] & 31
            if kind == 7:
                old, sps = Sps.read(to_bits(unit)), Sps.read(to_bits(unit))
                assert sps.write() == to_bits(unit)
                edit_sps(sps)
                unit = to_unit(unit[0], sps.write())
            elif kind == 8:
                pps, changed = Pps.read(to_bits(unit)), Pps.read(to_bits(unit))
                assert changed.write() == to_bits(unit)
                edit_pps(changed)
                unit = to_unit(unit[0], changed.write())
            elif kind in (1, 5):
                assert sps
                assert old
                assert pps
                bits = Bits(to_bits(unit))
                header = _read_header(bits, unit[0], old, pps)
                assert _write_header(header, unit[0], old) == bits.text[: bits.at]
                edit_slice(number, header)
                text = _write_header(header, unit[0], sps)
                if pps.cabac:
                    bits.at += -bits.at % 8
                    text += "1" * (-len(text) % 8)
                unit = to_unit(unit[0], text + bits.rest())
            out += START + unit
        result.append(out)
    return tuple(result)
