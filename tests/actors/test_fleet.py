import asyncio
import os
import signal
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import ray
import streams
from bench import MODEL, outputs, signalling

from ns_ray.actors.decoder import DecoderActor
from ns_ray.actors.watching import FleetView, Watching, fleets
from ns_ray.anchors.account import Rate
from ns_ray.anchors.baselines import Key, PerFrame, Uniform
from ns_ray.anchors.policies import Budget, Fraction
from ns_ray.client.decoder import HybridDecoder
from ns_ray.config.admission import Admission
from ns_ray.errors import MediaError, ModelError
from ns_ray.hybrid.anchor_image import decode_anchor
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.jobs.cli.fleet_tables import record
from ns_ray.picture.coding import Coding
from ns_ray.report.results import STAGES
from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.models import build
from ns_ray.sr.weights import load_weights, save_weights
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

ALONE = {"policy": Fraction(0.1, scope="stream")}


@pytest.fixture(scope="module")
def without(bench, videos, tmp_path_factory) -> dict[str, bytes]:
    """What two streams become that are alone."""
    others = [bench.stream(name, videos[name]) for name in ("even", "odd")]
    return outputs(bench.run(others, tmp_path_factory.mktemp("without"), **ALONE))


def test_hybrid_streams_hold_the_video_and_every_anchor(bench, opened, tmp_path):
    runs = bench.run(opened, tmp_path)
    assert [run.totals.shown for run in runs] == [100, 100, 100]
    assert sum(run.totals.hidden for run in runs) > 0
    for run in runs:
        assert not run.reason
        read = list(read_hybrid(str(run.path)))
        assert [one.packet for one in read] == list(read_packets(run.stream.info))
        names = sorted(anchor.name for one in read for anchor in one.anchors)
        assert names == sorted(f"{a.video_index}.{a.super_index}" for a in run.anchors)
        size = (run.stream.info.height * 3, run.stream.info.width * 3, 3)
        assert all(decode_anchor(anchor).shape == size for one in read for anchor in one.anchors)
        stages = {span.stage for epoch in run.epochs for span in epoch.spans}
        assert stages == set(STAGES)
    assert sum(len(run.anchors) for run in runs) == pytest.approx(30, abs=3)


def test_who_looks_on_sees_streams_hosts_and_workers(bench, opened, tmp_path):
    async def look() -> FleetView:
        (name,) = fleets()
        watching = Watching(name)
        async with asyncio.timeout(60):
            while True:
                view = await watching.look(60)
                hosts = [host for host in view.hosts.values() if host is not None]
                if {epoch.stream for host in hosts for epoch in host.epochs} == {stream.name for stream in opened}:
                    return view

    runs, view = bench.at_once(bench.follow(opened, tmp_path, lambda name, frames: None), look())
    assert not any(run.reason for run in runs)
    assert {name.rpartition("-")[0] for name in view.actors} >= {"manager", "scheduler", "host", "decoder", "enhancer"}
    assert all(view.actors.values())
    found = record(view)
    assert {one["stream"] for one in found["streams"]} == {stream.name for stream in opened}
    assert any(one["busy"] for one in found["workers"] if one["actor"].startswith("enhancer-"))
    assert all(one["answers"] for one in found["hosts"])


@pytest.mark.parametrize("codec", ["jpeg-residual", "av1"])
def test_anchors_keep_to_a_rate_through_cuts(bench, tmp_path, codec):
    """In every 2 s, and little is left over, though images are tiny and steps of quality coarse."""
    video = streams.encode(tmp_path / "cuts.mkv", size=(64, 48), frames=0, shown=streams.scenes(100))
    rate = Rate(kbps=100)
    (run,) = bench.run(
        [bench.stream("cuts", video)], tmp_path, coding=Coding(codec, 95), rate=rate, **(ALONE | {"frames": 300})
    )
    spent = [
        sum(a.bytes for a in run.anchors if a.video_index in range(epoch.first, epoch.first + epoch.packets))
        for epoch in run.epochs
    ]
    assert len(spent) == 15
    windows = [sum(spent[i : i + 6]) / rate.earned(2, 0) for i in range(10)]
    assert max(windows) < 1.02
    assert min(windows[:5]) > 0.85
    assert run.totals.still + sum(run.totals.anchors.values()) == 30
    assert run.totals.still >= 3
    assert not HybridDecoder(str(run.path)).damaged


def test_anchors_are_the_enhanced_frames(bench, opened, tmp_path):
    """The same pictures as decoding and enhancing by hand, hidden frames among them."""
    run = bench.run(opened, tmp_path)[0]
    info = run.stream.info
    frames = {f.record.name: f for f in VideoDecoder(info).decode(read_packets(info)).frames}
    engine = create_engine("torch", MODEL, info.width, info.height)
    engine.load(load_weights(MODEL, bench.weights))
    anchors = [anchor for one in read_hybrid(str(run.path)) for anchor in one.anchors]
    assert any(not frames[anchor.name].record.shown for anchor in anchors)
    for anchor in anchors:
        rgb = engine.infer(frames[anchor.name].picture.planes)
        assert np.abs(decode_anchor(anchor).astype(int) - rgb).mean() < 12


def test_a_run_is_the_same_again(bench, opened, expected, tmp_path):
    assert outputs(bench.run(opened, tmp_path)) == expected


def test_workers_come_and_go_in_the_midst_of_a_run(bench, opened, expected, without, tmp_path):
    """Two of each for a while, then the first ones are gone for good.

    Where streams compete, those of a host that is gone come too late for what the others have shared out by then.
    """
    fleet = bench.fleet
    new = bench.runner.run(_add(fleet, ("host", "decoder", "enhancer")))
    old = [name for name in fleet.names() if name.rpartition("-")[0] in ("decoder", "enhancer") and name not in new]

    def progress(name: str, frames: int) -> None:
        while old:
            fleet.remove(old.pop())

    assert outputs(bench.run(opened, tmp_path / "both")) == expected
    assert outputs(bench.run(opened, tmp_path / "fewer", progress)) == expected
    old = [bench.first("host")]
    assert outputs(bench.run(opened[:2], tmp_path / "new", progress, **ALONE)) == without
    assert bench.first("host") in new
    assert not fleet.losses


async def _add(fleet, kinds):
    return await asyncio.gather(*(fleet.add(kind) for kind in kinds))


@pytest.mark.parametrize("kinds", [("host", "decoder", "scheduler"), ("enhancer", "manager", "encoder")])
def test_killed_actors_cost_nothing_but_time(bench, opened, expected, tmp_path, kinds):
    names = [bench.first(kind) for kind in kinds]
    progress = signalling(bench, signal.SIGKILL, *([name] for name in names), after=60)
    assert outputs(bench.run(opened, tmp_path, progress)) == expected
    assert bench.lost() == sorted((name.replace("-", " "), "died") for name in names)


def test_killed_actors_leave_no_hole_in_video_encoded_anew(bench, opened, tmp_path):
    plan = {"method": "per-frame", "policy": PerFrame(), "frames": 80}
    names = [bench.first(kind) for kind in ("encoder", "decoder", "host", "enhancer")]
    progress = signalling(bench, signal.SIGKILL, names[:2], names[2:], after=30)
    for run in bench.run(opened[:2], tmp_path, progress, **plan):
        assert not run.reason
        decoded = VideoDecoder(probe(str(run.path))).decode(read_packets(probe(str(run.path))))
        assert len(decoded.frames) == run.totals.encoded == 80
        assert not decoded.damaged
    assert bench.lost() == sorted((name.replace("-", " "), "died") for name in names)


@pytest.mark.parametrize(
    ("method", "policy", "anchors"), [("per-frame", PerFrame(), 60), ("selective", Uniform(0.2), 12)]
)
def test_methods_that_encode_anew(bench, opened, tmp_path, method, policy, anchors):
    run = bench.run(opened[:1], tmp_path, method=method, policy=policy, frames=60)[0]
    info = probe(str(run.path))
    assert (info.width, info.height) == (96 * 3, 64 * 3)
    frames = VideoDecoder(info).decode(read_packets(info)).frames
    assert len(frames) == run.totals.encoded == 60
    assert len(run.anchors) == anchors
    assert [packet.pts for packet in read_packets(info)] == [p.pts for p in read_packets(run.stream.info)][:60]


@pytest.mark.parametrize(
    ("policy", "check"),
    [
        (Key(), lambda anchors: all(anchor.type == "KEY" for anchor in anchors)),
        (Uniform(0.1), lambda anchors: [a.video_index for a in anchors] == list(range(0, 100, 10))),
        (Fraction(0), lambda anchors: not anchors),
        (Budget(1, 1e6), lambda anchors: len(anchors) >= 15),
        (Budget(1, 1e-6), lambda anchors: not anchors),
    ],
)
def test_policies(bench, opened, tmp_path, policy, check):
    run = bench.run(opened[:1], tmp_path, policy=policy)[0]
    assert not run.failed
    assert check(run.anchors)
    assert len(list(read_hybrid(str(run.path)))) == 100


def test_a_video_is_repeated_for_a_longer_run(bench, opened, tmp_path):
    run = bench.run(opened[:1], tmp_path, frames=150)[0]
    assert run.totals.shown == 150
    read = list(read_hybrid(str(run.path)))
    assert read[100].packet.data == read[0].packet.data
    assert any(anchor.video_index == 100 for one in read for anchor in one.anchors), "the second KEY frame"


class TestDamage:
    """One stream goes wrong; the others do not notice, where streams do not compete for anchors."""

    def test_a_truncated_file(self, bench, videos, opened, without, tmp_path):
        cut = tmp_path / "cut.mkv"
        data = streams.SAMPLE.read_bytes()
        cut.write_bytes(data[: len(data) // 4])
        runs = bench.run([*opened[:2], bench.stream("cut", cut)], tmp_path / "with", **ALONE)
        bad = runs.pop()
        assert bad.failed
        assert "stream cut: " in bad.reason
        assert "frame" in bad.reason
        assert 0 < bad.totals.shown < 100
        assert len(list(read_hybrid(str(bad.path)))) == bad.totals.shown, "what was whole is kept"
        assert outputs(runs) == without

    def test_a_corrupt_packet(self, bench, videos, opened, without, tmp_path):
        data = bytearray(videos["slow"].read_bytes())
        packet = list(read_packets(probe(str(videos["slow"]))))[45].data
        at = bytes(data).index(packet)
        data[at : at + len(packet)] = bytes(len(packet))
        corrupt = tmp_path / "corrupt.mkv"
        corrupt.write_bytes(data)
        runs = bench.run([*opened[:2], bench.stream("corrupt", corrupt)], tmp_path / "with", **ALONE)
        bad = runs.pop()
        assert not bad.failed
        assert bad.totals.damaged == 1, "those that follow are decoded as far as can be"
        assert "frame 45" in bad.totals.reasons[0]
        read = list(read_hybrid(str(bad.path)))
        assert len(read) == 100, "the video itself is passed on as it came"
        assert not any(45 <= anchor.video_index < 60 for anchor in bad.anchors)
        assert outputs(runs) == without

    def test_a_file_that_goes_away(self, bench, videos, opened, without, tmp_path):
        gone = tmp_path / "gone.mkv"
        gone.write_bytes(videos["slow"].read_bytes())
        stream = bench.stream("gone", gone)
        gone.unlink()
        runs = bench.run([*opened[:2], stream], tmp_path / "with", **ALONE)
        bad = runs.pop()
        assert bad.failed
        assert "gone.mkv" in bad.reason
        assert outputs(runs) == without

    def test_an_output_that_cannot_be_written(self, bench, videos, opened, without, tmp_path):
        (tmp_path / "slow.mkv.part").mkdir()
        runs = bench.run([*opened[:2], bench.stream("slow", videos["slow"])], tmp_path, **ALONE)
        bad = runs.pop()
        assert bad.failed
        assert "slow.mkv.part: it cannot be gone on with" in bad.reason
        assert outputs(runs) == without


class PoisonedDecoder(DecoderActor):
    """Dies on one epoch of one stream, each time, as it would of bytes that crash a native decoder."""

    def decode(self, jobs, parts):
        if any((job.stream.name, job.epoch) == ("odd", 2) for job in jobs):
            os._exit(1)
        return super().decode(jobs, parts)


@pytest.fixture
def poisoned(bench, opened, monkeypatch):
    """The fleet with a poisoned decoder in place of its own."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    fleet = bench.fleet
    with monkeypatch.context() as changed:
        changed.setattr("ns_ray.actors.fleet.DecoderActor", PoisonedDecoder)
        name = bench.runner.run(fleet.add("decoder"))
    fleet.remove(bench.first("decoder"))
    yield
    bench.runner.run(fleet.add("decoder"))
    fleet.remove(name)


def test_a_stream_that_kills_its_decoder_each_time_fails_alone(poisoned, bench, opened, without, tmp_path):
    runs = bench.run(opened[:2], tmp_path, **ALONE)
    bad = runs.pop()
    assert outputs(runs) == {"even": without["even"]}
    assert bad.failed
    assert "stream odd: " in bad.reason
    assert "decode" in bad.reason
    assert len(list(read_hybrid(str(bad.path)))) == 40, "what was done before is kept"


def test_a_paced_run_keeps_to_real_time(bench, opened, tmp_path):
    begin = time.monotonic()
    runs = bench.run(opened[:1], tmp_path, paced=True, admission=Admission(floor=1e-6))
    assert time.monotonic() - begin >= 100 / 60
    assert bench.standings[0].asked == pytest.approx(60 * 0.1)
    assert bench.standings[0].capacity > 0
    assert 0 < bench.standings[0].decoding < 1
    epochs = runs[0].epochs
    assert [epoch.deadline is not None for epoch in epochs] == [True] * 5
    arrivals = [epoch.arrived for epoch in epochs]
    assert np.diff(arrivals) == pytest.approx(20 / 60, abs=1e-3)
    assert all(span.start >= epoch.arrived - 0.01 for epoch in epochs for span in epoch.spans if span.stage == "decode")
    assert len(list(read_hybrid(str(runs[0].path)))) == 100


def test_too_much_work_drops_anchors_and_says_so(bench, videos, tmp_path, local_ray):
    big = tmp_path / "big.pt"
    save_weights(build("EDSR_B8_F32_S3").state_dict(), big)
    stream = bench.stream("odd", videos["odd"], "EDSR_B8_F32_S3", big)
    run = bench.run([stream], tmp_path, paced=True, policy=PerFrame())[0]
    dropped = sum(epoch.dropped for epoch in run.epochs)
    assert dropped > 0
    assert any(epoch.late for epoch in run.epochs)
    assert dropped + len(run.anchors) == 100
    assert not run.failed
    assert len(list(read_hybrid(str(run.path)))) == 100, "the video itself loses nothing"
    plan = {"paced": True, "policy": PerFrame(), "admission": Admission(mode="refuse")}
    run = bench.run([stream], tmp_path / "refused", **plan)[0]
    assert run.report.state == "refused"
    assert run.reason.startswith("stream odd is refused: it asks for 60 anchors a second, others for 0")
    assert not run.path.exists()


def test_bad_inputs_are_refused_before_the_run(bench, tmp_path):
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(b"")
    with pytest.raises(MediaError, match=r"bad.mkv"):
        bench.runner.run(bench.fleet.manager.probe(str(bad)))


def test_missing_weights_are_named(bench, videos, tmp_path):
    stream = bench.stream("even", videos["even"], weights=tmp_path / "absent.pt")
    with pytest.raises(ModelError, match=r"absent.pt"):
        bench.runner.run(bench.fleet.manager.prepare([stream]))


def test_a_live_source_that_is_waited_for_holds_no_other_stream_up(bench, videos, tmp_path):
    """Both are read by one actor, in real time; the pipe's writer comes when the other stream is through."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    good, live = (bench.stream(name, videos["even"]) for name in ("good", "live"))
    live = replace(live, info=replace(live.info, path=str(pipe)))
    writer = threading.Thread(target=lambda: pipe.write_bytes(videos["even"].read_bytes()))
    left = 100

    def progress(name: str, frames: int) -> None:
        nonlocal left
        left -= frames
        if not left:
            writer.start()

    runs = bench.run([good, live], tmp_path, progress, paced=True)
    writer.join()
    assert [(run.totals.shown, run.reason) for run in runs] == [(100, ""), (100, "")]
    assert not any(epoch.late for epoch in runs[0].epochs)
    assert any(epoch.late for epoch in runs[1].epochs)
