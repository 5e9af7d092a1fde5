"""Times in hybrid files: exact for any time base, and right for players that know nothing of them."""

from dataclasses import replace
from fractions import Fraction

import av
import pytest
from rich_streams import ffmpeg, read, source, write

from ns_ray.hybrid.clock import to_ticks, to_units, unit_for
from ns_ray.hybrid.reader import HybridReader

BASES = [Fraction(1, one) for one in (24, 30, 1000, 15360, 44100, 90000, 10**7, 10**9)] + [Fraction(1001, 30000)]


def retimed(what, base, times=None):
    """The same packets on another clock, shown at the times given in ticks; by default, at a constant rate."""
    step = max(1, round(Fraction(1, 30) / base))
    times = times or [number * step for number in range(len(what.packets) + 1)]
    ends = [*times[1:], times[-1] + step]
    packets = [
        replace(packet, pts=time, duration=end - time)
        for packet, time, end in zip(what.packets, times, ends, strict=False)
    ]
    return replace(what, packets=packets, format=replace(what.format, frame_rate=1 / (step * base), time_base=base))


@pytest.fixture(scope="module")
def sounding(tmp_path_factory, plain_video):
    return read(source(tmp_path_factory.mktemp("s") / "s.mp4", plain_video, audio="aac"))


@pytest.mark.parametrize("base", BASES, ids=str)
def test_every_time_base_survives_exactly(tmp_path, sounding, base):
    what = retimed(sounding, base)
    for path in (write(tmp_path / "live.mkv", what, whole=False), write(tmp_path / "h.mkv", what)):
        reader = HybridReader(str(path))
        got = list(reader)
        assert reader.info.time_base == base
        assert reader.info.frame_rate == what.format.frame_rate
        assert [one.packet for one in got] == what.packets
        assert [anchor.video_index for one in got for anchor in one.anchors] == list(range(0, 60, 13))
        sides = [side for one in got for side in one.sides]
        assert [(side.pts, side.data) for side in sides] == [
            (side.pts, side.data) for side in what.sides if side.pts >= 0
        ]
        assert reader.sides == what.format.sides
        assert not reader.damaged


@pytest.mark.parametrize("base", BASES, ids=str)
def test_other_readers_get_times_durations_and_places_to_go_to(tmp_path, sounding, base):
    what = retimed(sounding, base)
    path = write(tmp_path / "h.mkv", what)
    assert not ffmpeg("-v", "warning", "-i", path, "-map", "0:v:0", "-map", "0:a", "-f", "null", "-")
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        end = (what.packets[-1].pts + what.packets[-1].duration) * base
        assert float(container.duration / av.time_base) == pytest.approx(float(end), abs=0.05)
        assert video.metadata["DURATION"].startswith(f"00:00:0{int(end)}.")
        container.seek(int(1.5 * av.time_base))
        first = next(packet for packet in container.demux(video) if packet.size)
        assert first.is_keyframe
        assert first.pts * video.time_base == pytest.approx(float(what.packets[30].pts * base), abs=0.0006)
        container.seek(0)
        times = [frame.time for frame in container.decode(video)]
    assert times == pytest.approx([float(packet.pts * base) for packet in what.packets], abs=0.0006)


def test_pauses_and_variable_rates_are_kept(tmp_path, sounding):
    times = [number * 900 + (number > 20) * 600_000 + number % 3 * 211 for number in range(60)]
    what = retimed(sounding, Fraction(1, 90_000), times)
    path = write(tmp_path / "h.mkv", what)
    assert [one.packet for one in HybridReader(str(path))] == what.packets
    with av.open(str(path)) as container:
        durations = [packet.duration for packet in container.demux(video=0) if packet.size]
    assert durations[20] * Fraction(1, 100_000) == pytest.approx(what.packets[20].duration / 90_000, abs=0.00002)


@pytest.mark.parametrize(("uneven", "told"), [(False, True), (True, False)])
def test_a_constant_rate_is_told_and_no_other(tmp_path, sounding, uneven, told):
    steady = retimed(sounding, Fraction(1, 1000))
    times = [packet.pts + (packet.video_index > 40) * 500 * uneven for packet in steady.packets]
    path = write(tmp_path / "h.mkv", retimed(sounding, Fraction(1, 1000), times))
    header = path.read_bytes()[:2000]
    assert header.count(b"\x23\xe3\x83") == 1 + told, "DefaultDuration, which the anchors have in any case"


def test_hidden_packets_share_the_time_of_what_follows_them(tmp_path, sounding):
    times = [number - number % 10 // 9 for number in range(60)]
    what = retimed(sounding, Fraction(1, 24), times)
    got = list(HybridReader(str(write(tmp_path / "h.mkv", what))))
    assert [one.packet.pts for one in got] == times
    assert [anchor.video_index for one in got for anchor in one.anchors] == list(range(0, 60, 13))


@pytest.mark.parametrize("base", [*BASES, Fraction(1, 2), Fraction(1, 48000)], ids=str)
def test_units_tell_ticks_apart_for_days(base):
    unit = unit_for((base, Fraction(1, 24)))
    day = int(86_400 / base)
    for ticks in (0, 1, 2, 12_345, day, day + 1):
        seconds = Fraction(to_units(ticks, base, unit) * unit, 10**9)
        assert to_ticks(seconds, base) == ticks
        assert abs(seconds - ticks * base) < base / 2 or not seconds


def test_a_unit_is_as_coarse_as_it_may_be():
    assert [unit_for((base,)) for base in BASES[:-1]] == [10**6, 10**6, 10**6, 50_000, 20_000, 10_000, 100, 1]
