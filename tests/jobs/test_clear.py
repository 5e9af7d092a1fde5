"""What goes, what stays, and what is refused."""

import pytest

from ns_ray.folder_lock import FolderLock
from ns_ray.jobs import clear

FILES = (
    "lol0/checkpoint/EDSR_B8_F32_S3.pt",
    "lol0/eval-small/720p/lr.json",
    "lol0/eval-small/2160p/EDSR_B8_F32_S3/sr.json",
    "lol0/test/2160p/EDSR_B8_F32_S3/sr.json",
    "gta0/test/sr.json",
    "evaluation/box/720p/EDSR_B8_F16_S3/infer_result.json",
    "evaluation/box/2160p/software_encode_result.json",
    "evaluation/other/720p/decode_result.json",
    "artifact/box/per_frame_cost.json",
    "pretrained/EDSR_B8_F32_S3.pt",
)


@pytest.fixture
def results(tmp_path):
    for file in FILES:
        path = tmp_path / "result" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return tmp_path / "result"


def left(results):
    return {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}


def cleared(results, *options):
    assert clear.main([*options, "--result_dir", str(results)]) == 0
    return set(FILES) - left(results)


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ("--content lol0", {1, 2, 3}),
        ("--content lol0 --mode eval-small --input_resolution 720 --output_resolution 2160", {1, 2}),
        ("--content lol0 --mode eval-small --num_blocks 8 --num_channels 32 --avg_anchors 3", {2}),
        ("--instance box", {5, 6, 8}),
        ("--instance box --input_resolution 720", {5}),
        ("--content lol0 --instance box --num_blocks 8 --num_channels 16", {5}),
        ("--content none", set()),
    ],
)
def test_what_is_named_goes_and_nothing_else(results, capsys, options, gone):
    assert cleared(results, *options.split()) == {FILES[i] for i in gone}
    shown = capsys.readouterr().out
    assert all(FILES[i] in shown for i in gone)
    assert f"{len(gone)} files removed" in shown


def test_empty_folders_go_too(results):
    cleared(results, "--instance", "box")
    assert not (results / "evaluation" / "box").exists()
    assert (results / "evaluation" / "other").is_dir()


def test_what_lies_outside_is_refused(results, tmp_path, capsys):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    (results / "evaluation" / "away").symlink_to(outside)
    assert clear.main(["--instance", "away", "--result-dir", str(results)]) == 2
    assert "outside" in capsys.readouterr().err
    (results / "evaluation" / "box" / "link").symlink_to(outside)  # goes itself, what it leads to stays
    cleared(results, "--instance", "box")
    assert (outside / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("wrong", ["", "--content ../x", "--content pretrained", "--instance box --num_blocks 8"])
def test_wrong_usage(results, wrong):
    with pytest.raises(SystemExit) as stop:
        clear.main([*wrong.split(), "--result-dir", str(results)])
    assert stop.value.code == 2
    assert left(results) == set(FILES)


def test_a_run_at_work_keeps_its_results(results, capsys):
    lock = FolderLock(results / "evaluation" / "box" / "720p", seconds=0)
    assert clear.main(["--instance", "box", "--result-dir", str(results)]) == 1
    assert "another process works" in capsys.readouterr().err
    lock.release()
    assert set(FILES) <= left(results)


def test_no_link_stays_that_leads_to_nothing(results):
    runs = results / "evaluation" / "box" / "720p" / "EDSR_B8_F16_S3" / "s1g0"
    (runs / "run").mkdir(parents=True)
    (runs / "run" / "sr.json").touch()
    (runs / "latest").symlink_to("run")
    assert clear.main(["--instance", "box", "--mode", "sr", "--result-dir", str(results)]) == 0
    assert not runs.exists()
