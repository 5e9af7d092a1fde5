"""What is an original of a stream, and which of its frames belong together; levels of grey tell the frames' numbers."""

from fractions import Fraction

import pytest
from sources import level, samples, write_source

from ns_ray.errors import MediaError
from ns_ray.evaluation.original import ALIKE, Despite, Original, originals
from ns_ray.jobs import benchmark, curves, evaluate_sr, quality
from ns_ray.jobs.cli.despite import despite
from ns_ray.video.probe import probe

SIZE, HR = (64, 48), (128, 96)
FRAMES = 12


@pytest.fixture(scope="module")
def lr(tmp_path_factory):
    return str(write_source(tmp_path_factory.mktemp("lr") / "lr.mkv", codec="libvpx-vp9", size=SIZE, frames=FRAMES))


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """At half the rate."""
    return str(write_source(tmp_path_factory.mktemp("half") / "hr.mkv", size=HR, frames=6, rate=Fraction(30)))


def times(count: int = FRAMES, rate: Fraction = Fraction(60)) -> list[tuple[int, Fraction]]:
    """Frames of a stream by their numbers, with times as Matroska rounds them."""
    return [(number, Fraction(round(number * 1000 / rate), 1000)) for number in range(count)]


def pairs(original: Original, frames: list[tuple[int, Fraction]]) -> list[tuple[int, int]]:
    """Numbers of the stream's frames and of their originals."""
    found = [(number, samples(frame)[0]) for number, frame in original.beside(frames)]
    return [(number, min(range(20), key=lambda near: abs(level(near) - luma))) for number, luma in found]


SAME = [(number, number) for number in range(FRAMES)]


@pytest.mark.parametrize("name", ["hr.mkv", "hr.mp4", "hr.avi"])
def test_one_that_is_larger_and_longer_and_of_other_ticks(lr, tmp_path, name):
    hr = write_source(tmp_path / name, size=(256, 192), frames=15, tags=(2, 5, 5, 5))
    original = Original(str(hr), lr, 2)
    assert pairs(original, times()) == SAME
    assert (original.left_out, original.ended, list(original.notes())) == (0, None, [])
    assert len(list(originals(probe(lr), str(hr), 2))) == FRAMES


def test_rates_that_are_rounded_are_the_same(tmp_path):
    rates = Fraction(60000, 1001), Fraction(5994, 100)
    lr, hr = (
        str(write_source(tmp_path / f"{size[0]}.mp4", size=size, frames=FRAMES, rate=rate))
        for size, rate in zip((SIZE, HR), rates, strict=True)
    )
    assert pairs(Original(hr, lr, 2), times(rate=rates[0])) == SAME


def test_a_single_frame_has_no_rate(lr, tmp_path):
    hr = write_source(tmp_path / "hr.mkv", size=HR, frames=1, rate=Fraction(25))
    original = Original(str(hr), lr, 2)
    assert pairs(original, times()) == [(0, 0)]
    assert "ends 0.017 s after" in next(original.notes())


def test_another_rate_is_refused_unless_asked_for(lr, half, tmp_path):
    with pytest.raises(MediaError, match=r"hr\.mkv is no original of .*lr\.mkv: it has 30 frames/s, not 60; .*rate"):
        Original(half, lr, 2)
    original = Original(half, lr, 2, Despite(rate=True))
    assert pairs(original, times()) == [(2 * number, number) for number in range(6)]
    assert original.left_out == 5
    with pytest.raises(MediaError, match="all of which are needed"):
        list(originals(probe(lr), half, 2, Despite(rate=True)))
    double = Original(str(write_source(tmp_path / "double.mkv", size=HR, frames=12)), half, 1, Despite(rate=True))
    assert pairs(double, times(6, Fraction(30))) == [(number, 2 * number) for number in range(6)]


def test_another_shape_is_refused_unless_asked_for(lr, tmp_path):
    hr = str(write_source(tmp_path / "hr.mkv", size=(192, 108), frames=FRAMES))
    with pytest.raises(MediaError, match=r"it is 192x108, another shape than 64x48; .*--despite shape"):
        Original(hr, lr, 2)
    assert pairs(Original(hr, lr, 2, Despite(shape=True)), times()) == SAME
    flat = write_source(tmp_path / "flat.mkv", size=SIZE, frames=2, aspect=Fraction(4, 3))
    Original(hr, str(flat), 2)  # both are shown at 16:9
    uneven = write_source(tmp_path / "uneven.mkv", size=(426, 240), frames=2)
    Original(str(write_source(tmp_path / "hd.mkv", size=(1920, 1080), frames=2)), str(uneven), 3)


def test_all_that_differs_is_said_at_once(lr, tmp_path):
    hr = write_source(tmp_path / "hr.mkv", size=(96, 54), frames=6, rate=Fraction(25))
    with pytest.raises(MediaError, match=r"smaller than 128x96, which is 2 times 64x48.*another shape.*25 frames/s"):
        Original(str(hr), lr, 2)


def test_another_beginning_is_refused_unless_asked_for(lr, tmp_path):
    hr = str(write_source(tmp_path / "hr.mkv", size=HR, frames=FRAMES, skip=frozenset(range(3))))
    with pytest.raises(MediaError, match=r"it begins at 0\.050 s, not at 0\.000 s; say --offset 0\.050"):
        Original(hr, lr, 2)
    one_clock = Original(hr, lr, 2, Despite(offset=Fraction(0)))
    assert pairs(one_clock, times()) == SAME[3:]
    assert next(one_clock.notes()).startswith("3 frames have no original")
    first_to_first = Original(hr, lr, 2, Despite(offset=Fraction(1, 20)))
    assert pairs(first_to_first, times()) == [(number, number + 3) for number in range(9)]


def test_a_frame_without_an_original_is_named(lr, tmp_path):
    hr = str(write_source(tmp_path / "hr.mkv", size=HR, frames=FRAMES, skip=frozenset({5})))
    with pytest.raises(MediaError, match=r"lr\.mkv has a frame 0\.083 s after its beginning, where .*hr\.mkv has none"):
        list(Original(hr, lr, 2).beside(times()))
    assert pairs(Original(hr, lr, 2, Despite(rate=True)), times()) == [pair for pair in SAME if pair[0] != 5]


@pytest.mark.parametrize(
    ("job", "arguments"),
    [
        (evaluate_sr, ("LR", "HALF", "-m", "EDSR_B8_F32_S2")),
        (curves, ("LR", "HALF", "-m", "EDSR_B8_F32_S2")),
        (benchmark, ("--input", "LR", "--reference", "HALF")),
    ],
)
def test_jobs_refuse_what_does_not_belong_together(job, arguments, lr, half, tmp_path, capsys):
    named = {"LR": lr, "HALF": half}
    assert job.main([*(named.get(one, one) for one in arguments), "--result-dir", str(tmp_path)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"{half} is no original of {lr}: it " in said
    assert "it has 30 frames/s, not 60" in said
    assert not list(tmp_path.iterdir())


def test_lr_is_no_hr(lr, tmp_path, capsys):
    assert evaluate_sr.main([lr, lr, "-m", "EDSR_B8_F32_S3", "--result-dir", str(tmp_path)]) == 1
    assert "it is 64x48, smaller than 192x144" in " ".join(capsys.readouterr().err.split())


def test_what_the_options_say():
    said = quality.arguments(
        ["--despite", "rate", "h.mkv", "--despite", "shape", "--offset", "-0.05", "--reference", "r"]
    )
    assert despite(said) == Despite(rate=True, shape=True, offset=Fraction(-1, 20))
    assert despite(quality.arguments(["h.mkv", "--reference", "r"])) == ALIKE


def test_offsets_are_numbers(capsys):
    for wrong in ("nan", "soon"):
        with pytest.raises(SystemExit, match="2"):
            quality.main(["h.mkv", "--reference", "hr.mkv", "--offset", wrong])
        assert wrong in capsys.readouterr().err


def test_bursts_of_frames_are_told_apart(tmp_path):
    """The mean interval is ten times as long as the shortest."""
    number = {0, 1, 2, 60, 61, 62}
    lr, hr = (
        str(write_source(tmp_path / f"{size[0]}.mkv", size=size, frames=63, skip=frozenset({*range(63)} - number)))
        for size in (SIZE, HR)
    )
    found = [
        samples(frame)[0] for _, frame in Original(hr, lr, 2).beside([one for one in times(63) if one[0] in number])
    ]
    assert found == pytest.approx([level(one) for one in sorted(number)], abs=1)
