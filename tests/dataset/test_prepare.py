"""From a source to the files of a content: what is cut, copied, encoded, checked, kept and made again."""

import pickle
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest
import sources
import streams

from ns_ray.codecs.vp9.superframe import split
from ns_ray.dataset.check import inspect
from ns_ray.dataset.cut import cut
from ns_ray.dataset.ladder import LADDER, LrEncoding
from ns_ray.dataset.plan import Plan, outputs
from ns_ray.dataset.prepare import Output, prepare, prepared, problems
from ns_ray.dataset.raw import keep_record
from ns_ray.dataset.source import open_source
from ns_ray.errors import MediaError
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

RATE = Fraction(60)
SMALL = LrEncoding(36, 60, 7, 0)
PLAN = Plan(1, 108, (36,), RATE, crf=50, preset=12)


@pytest.fixture(autouse=True)
def small_ladder(monkeypatch):
    monkeypatch.setitem(LADDER, 36, SMALL)


def raw(data: Path, suffix=".webm", name="lol0", **options) -> Path:
    (data / "raw").mkdir(parents=True, exist_ok=True)
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    path = sources.write_source(data / "raw" / f"{name}{suffix}", **{"codec": codec, "frames": 200} | options)
    keep_record(path, "test")
    return path


def make(made: list[Output]) -> None:
    for output in made:
        assert list(prepare(output))[-1] == len(output.times)


def numbers(path: Path, first: int) -> list[int]:
    with av.open(str(path)) as container:
        return [sources.number_of(frame, first + i) for i, frame in enumerate(container.decode(video=0))]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_source_of_the_references_format_is_copied_from_key_frames(tmp_path):
    raw(tmp_path)
    made = outputs("lol0", 0.2, tmp_path, PLAN)
    make(made)
    folder = tmp_path / "lol0" / "video"
    assert sorted(path.name for path in folder.glob("*.webm")) == [
        "108p_d1_test.webm",
        "108p_d1_train.webm",
        "36p_60kbps_d1_test.webm",
        "36p_60kbps_d1_train.webm",
    ]
    for part, first in (("train", 30), ("test", 90)):  # key frames every 30, the first after 0.2 s is frame 30
        assert numbers(folder / f"108p_d1_{part}.webm", first) == list(range(first, first + 60))
        assert numbers(folder / f"36p_60kbps_d1_{part}.webm", first) == pytest.approx(range(first, first + 60), abs=1)
    with av.open(str(tmp_path / "raw" / "lol0.webm")) as origin, av.open(str(folder / "108p_d1_train.webm")) as copy:
        packets = [bytes(packet) for packet in origin.demux(video=0) if packet.size]
        assert [bytes(packet) for packet in copy.demux(video=0) if packet.size] == packets[30:90]


def test_lr_videos_have_the_published_structure(tmp_path):
    raw(tmp_path, frames=500, gop=120)
    made = outputs("lol0", 0, tmp_path, replace(PLAN, seconds=4, require_hidden=False))
    output = made[1]
    assert output.path.name == "36p_60kbps_d4_train.webm"
    make([output])
    found = inspect(output.path, RATE)
    assert (found.info.codec, found.info.width, found.info.height) == ("vp9", 64, 36)
    assert (found.frames, found.keys, found.late) == (240, (0, 120), ())
    assert found.hidden > 0
    assert found.colors.standard
    assert found.bitstream_bt709
    assert found.info.frame_rate == 60


def test_published_settings_give_the_samples_structure(tmp_path):
    """The shipped sample was encoded at them elsewhere: ours has its codec, size, key frames and hidden frames."""
    source = open_source(str(streams.SAMPLE.with_name("1080p_d4_test.webm")))
    times = cut(source, 0, 1, RATE, False).times["train"]
    output = Output(tmp_path / "o.webm", source, times[:45], RATE, (640, 360), "libvpx-vp9", LADDER[360].options)
    make([output])
    ours, sample = inspect(output.path, RATE), inspect(streams.SAMPLE, RATE)
    assert (ours.info.codec, ours.info.width, ours.info.height) == ("vp9", 640, 360)
    assert (ours.colors, ours.keys[0]) == (sample.colors, sample.keys[0])
    made, shipped = ([*islice(read_packets(probe(str(path))), 45)] for path in (output.path, streams.SAMPLE))
    assert ours.hidden == pytest.approx(sum(len(split(packet.data)) > 1 for packet in shipped), abs=1)
    assert sum(len(p.data) for p in made) == pytest.approx(sum(len(p.data) for p in shipped), rel=0.3)


def test_other_sources_are_encoded(tmp_path):
    """H.264 in MP4, of another size, frame rate and matrix."""
    raw(tmp_path, ".mp4", size=(384, 216), rate=Fraction(120), frames=300, tags=(2, 6, 6, 6))
    made = outputs("lol0", 0.25, tmp_path, PLAN)
    make(made)
    folder = tmp_path / "lol0" / "video"
    for part, first in (("train", 30), ("test", 150)):
        for name in (f"108p_d1_{part}.webm", f"36p_60kbps_d1_{part}.webm"):
            found = inspect(folder / name, RATE)
            assert (found.frames, found.keys) == (60, (0,))
            assert found.colors.standard
        with av.open(str(folder / f"108p_d1_{part}.webm")) as container:
            lumas = [sources.samples(frame)[0] for frame in container.decode(video=0)]
        limited = [16 + sources.level(number) * 219 / 255 for number in range(first, first + 120, 2)]
        assert lumas == pytest.approx(limited, abs=3)


def test_ntsc_keeps_its_own_rate(tmp_path):
    rate = Fraction(60000, 1001)
    raw(tmp_path, rate=rate)
    made = outputs("lol0", 0, tmp_path, PLAN)
    make(made)
    assert {output.rate for output in made} == {rate}
    assert all(len(output.times) == 60 for output in made)


@pytest.mark.parametrize(
    ("options", "start", "change", "told"),
    [
        ({"rate": Fraction(30)}, 0, {}, "30 frames/s, from which 60 cannot be taken .* --frame-rate 30"),
        ({"rate": Fraction(50)}, 0, {"rate": Fraction(30)}, "from which 30 cannot be taken"),
        ({}, 2, {}, "it has 1.3 s from 2 s on, but train and test take 2 s"),
        ({}, 100, {}, "it has 0.0 s from 100 s on"),
        ({}, 0, {"reference": 216}, "it has 108 rows, fewer than the reference's 216"),
        ({"size": (160, 108)}, 0, {}, "160x108 is not 16:9"),
        ({"skip": frozenset({40, 41})}, 0, {}, "after the frame at 0.650 s the next comes 3.00 frames later"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, options, start, change, told):
    path = raw(tmp_path, **options)
    with pytest.raises(MediaError, match=told) as error:
        outputs("lol0", start, tmp_path, replace(PLAN, **change))
    assert str(path) in str(error.value)


def test_a_source_that_is_not_there_or_not_whole(tmp_path):
    with pytest.raises(MediaError, match=r"no video lol0; get it by jobs/download.py"):
        outputs("lol0", 0, tmp_path, PLAN)
    path = raw(tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(MediaError, match=r"bytes instead of .* get it again"):
        outputs("lol0", 0, tmp_path, PLAN)
    path.with_suffix(".json").unlink()
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(MediaError, match="truncated"):
        outputs("lol0", 0, tmp_path, PLAN)


def test_damage_inside_a_source_is_named_and_nothing_is_left(tmp_path):
    path = raw(tmp_path, ".mp4")
    data = bytearray(path.read_bytes())
    middle = data.find(b"mdat") + (len(data) - data.find(b"mdat")) // 6
    data[middle : middle + 300] = b"\xa5" * 300
    path.write_bytes(data)
    made = outputs("lol0", 0, tmp_path, PLAN)
    with pytest.raises(MediaError, match="damaged") as error:
        make(made)
    assert str(path) in str(error.value)
    assert not list((tmp_path / "lol0" / "video").glob("*"))


def test_damage_elsewhere_in_a_source_does_not_matter(tmp_path):
    path = raw(tmp_path, ".mp4", frames=400)
    expected = [sources.level(number) for number in range(60)]
    data = bytearray(path.read_bytes())
    start = data.find(b"mdat")
    data[start + (len(data) - start) * 2 // 3 : start + (len(data) - start) * 2 // 3 + 300] = b"\xa5" * 300
    path.write_bytes(data)
    make(made := outputs("lol0", 0, tmp_path, PLAN)[:2])
    with av.open(str(made[0].path)) as container:
        assert [sources.samples(frame)[0] for frame in container.decode(video=0)] == pytest.approx(expected, abs=3)


def test_what_is_made_is_kept_and_what_differs_is_made_again(tmp_path):
    raw(tmp_path)
    made = outputs("lol0", 0, tmp_path, PLAN)
    assert [prepared(output) for output in made] == [None] * 4
    make(made)
    folder = made[0].path.parent
    first = contents(folder)
    assert all(prepared(output) for output in made)
    output = made[1]
    assert prepared(replace(output, options=output.options | {"b": "61k"})) is None
    assert prepared(replace(output, times=output.times[1:])) is None

    make([replace(output, threads=3)])
    assert contents(folder) == first, "threads change nothing"
    output.record.unlink()
    assert prepared(output) is None, "a file without a record proves nothing"
    make([output])
    output.path.write_bytes(first[output.path.name][:-100])
    assert prepared(output) is None
    make([output])
    damaged = bytearray(first[output.path.name])
    damaged[len(damaged) // 2 : len(damaged) // 2 + 200] = bytes(200)
    output.path.write_bytes(damaged)
    assert prepared(output) is None, "same length, but the packets are broken"
    make([output])
    assert contents(folder) == first, "made again, it is the same"

    raw(tmp_path, frames=210)
    assert not any(prepared(output) for output in outputs("lol0", 0, tmp_path, PLAN)), "another source"


def test_videos_of_one_part_show_the_same_frames(tmp_path):
    raw(tmp_path, frames=250)
    make(outputs("lol0", 0, tmp_path, PLAN))
    smaller = replace(PLAN, reference=72)
    encoded = outputs("lol0", 0, tmp_path, smaller)
    assert [bool(prepared(output)) for output in encoded] == [False, True, False, True], "another reference, one cut"
    with pytest.raises(MediaError, match=r"108p_d1_train.webm: it shows other frames .* remove it, or make it anew"):
        outputs("lol0", 1, tmp_path, smaller)
    outputs("lol0", 1, tmp_path, PLAN)  # all that is there is made anew


def test_a_source_is_not_written_over(tmp_path):
    source = raw(tmp_path)
    output = outputs("lol0", 0, tmp_path, PLAN)[0].path
    output.parent.mkdir(parents=True)
    output.hardlink_to(source)
    with pytest.raises(MediaError, match=rf"{output}: it is the source {source} itself"):
        outputs("lol0", 0, tmp_path, PLAN)


def test_what_came_out_wrong_is_not_kept(tmp_path):
    raw(tmp_path)
    output = outputs("lol0", 0, tmp_path, replace(PLAN, require_hidden=True))[1]
    make([output])
    found = inspect(output.path, RATE)
    assert not problems(output, found)
    for wrong, told in (
        (replace(found, frames=59), "59 frames instead of 60"),
        (replace(found, frames=300, keys=(0, 120)), "180 frames from key frame 120 to the next"),
        (replace(found, frames=300, keys=(0, 121, 200)), "121 frames from key frame 0"),
        (replace(found, keys=()), "no key frame first"),
        (replace(found, late=(7,)), "frame 7 is not shown at 7 / 60 s"),
        (replace(found, bitstream_bt709=False), "colours"),
        (replace(found, colors=replace(found.colors, range=2)), "colours"),
        (replace(found, info=replace(found.info, width=66)), "66x36 instead of 64x36"),
        (replace(found, info=replace(found.info, pixel_format="yuv444p")), "yuv444p"),
    ):
        assert any(told in text for text in problems(output, wrong))
    blind = replace(output, options=output.options | {"auto-alt-ref": "0"}, hidden=True)
    with pytest.raises(MediaError, match=r"no hidden frame; .*set encode.require_hidden=false") as error:
        make([blind])
    assert str(output.path) in str(error.value)
    assert [path.name for path in output.path.parent.iterdir()] == [output.path.name], "the older file, without record"


KILLED = """
import pickle, sys
from ns_ray.dataset.prepare import prepare
for output in pickle.load(open(sys.argv[1], "rb")):
    for done in prepare(output):
        print(done, flush=True)
"""


def test_killed_at_any_moment_and_started_again_it_is_the_same(tmp_path):
    raw(tmp_path, ".mp4")
    unbroken = outputs("lol0", 0, tmp_path, PLAN)
    make(unbroken)
    folder = unbroken[0].path.parent
    expected = contents(folder)
    todo = tmp_path / "todo"
    killed = 0
    for reports in (0, 1, 3, 7, 8, 12, 17):
        missing = [output for output in unbroken if not prepared(output)]
        if not missing:
            missing = unbroken
            shutil.rmtree(folder)
        todo.write_bytes(pickle.dumps(missing))
        with subprocess.Popen([sys.executable, "-c", KILLED, str(todo)], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(reports):
                process.stdout.readline()
            time.sleep(0.005 * reports)
            killed += process.poll() is None
            process.kill()
        for output in unbroken:
            assert not output.path.exists() or output.path.read_bytes() == expected[output.path.name]
    assert killed >= 3
    make([output for output in unbroken if not prepared(output)])
    assert contents(folder) == expected
