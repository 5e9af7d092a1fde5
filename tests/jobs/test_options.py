"""Options of the published scripts, as the jobs read them; nothing is run."""

import pytest

from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Budget, Fraction
from ns_ray.config.config import Config
from ns_ray.jobs import benchmark, download, encode, evaluate_sr
from ns_ray.jobs.work import benchmark as work
from ns_ray.shipped import FOLDER


@pytest.mark.parametrize("fraction", ["60", "-0.1", "nan"])
def test_a_frame_rate_is_no_fraction(capsys, fraction):
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["-f", fraction])
    assert stop.value.code == 2
    assert f"{fraction}: fractions lie in 0..1; the frame rate is -a" in capsys.readouterr().err


def test_the_published_options_are_understood():
    published = "-g 4 -v 32 -i g4dn.12xlarge -n 3000 -d 60 -r 720 -s 3 -m EDSR_B8_F32_S3 -f 0.075 -a 60"
    spelt = "--gpus 4 --videos 32 -i g4dn.12xlarge --number 3000 -d 60 -m EDSR_B8_F32_S3 -f 0.075 --framerate 60"
    underscores = "--num_gpus=4 --num_videos 32 -i g4dn.12xlarge -n 3000 --model_name EDSR_B8_F32_S3 -f .075 -a 60 -s 3"
    options, *others = (benchmark.arguments(line.split()) for line in (published, spelt + " --scale 3", underscores))
    assert [vars(other) for other in others] == [vars(options)] * 2
    assert (options.num_gpus, options.num_videos, options.num_frames) == (4, 32, 3000)
    assert (options.fraction, options.frame_rate) == (0.075, 60)
    assert encode.arguments(["-a", "30"]).frame_rate == download.arguments(["--framerate", "30"]).frame_rate == 30


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Fraction(0.075)),
        (
            "--horizon epoch --normaliser gop --ranked all -f 0.1 --scope stream",
            Fraction(0.1, "stream", horizon="epoch", normaliser="gop", ranked="all"),
        ),
        ("--policy budget --horizon gop --normaliser none", Budget(1, 2000 / 3, horizon="gop", normaliser="none")),
        ("--method selective", Uniform(0.2)),
        ("--method selective --policy uniform-coded", Uniform(0.2, "coded")),
    ],
)
def test_how_anchors_are_chosen(words, expected):
    assert work._policy(benchmark.arguments(words.split()), Config()) == expected


def test_an_epoch_is_one_of_weights_that_are_named(tmp_path, capsys):
    videos = [str(FOLDER / "dataset" / "sample" / name) for name in ("360p_700kbps_d4_test.webm", "1080p_d4_test.webm")]
    with pytest.raises(SystemExit) as stop:
        evaluate_sr.main([*videos, "-e", "2"])
    assert stop.value.code == 2
    assert evaluate_sr.main([*videos, "-m", "EDSR_B8_F16_S3", "--weights", str(tmp_path), "-e", "2"]) == 1
    assert "EDSR_B8_F16_S3_e2.pt is missing" in capsys.readouterr().err
