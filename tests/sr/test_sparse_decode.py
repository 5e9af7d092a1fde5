"""Single frames of a video are those that decoding all of it gives, and nothing else is decoded."""

from pathlib import Path

import av
import numpy as np
import pictures
import pytest

from ns_ray.sr.sparse_decode import decode_at, shown_times

GOP, FRAMES = 12, 40
CODECS = {"libvpx-vp9": "vp9.webm", "libsvtav1": "av1.webm", "libx264": "h264.mkv"}


@pytest.fixture(scope="module", params=CODECS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A moving picture with a key frame every 12, and hidden frames or frames out of order between them."""
    codec = request.param
    path: Path = tmp_path_factory.mktemp("sparse") / CODECS[codec]
    options = {
        "libvpx-vp9": {"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "16"},
        "libsvtav1": {"preset": "12"},
        "libx264": {"bf": "2"},
    }[codec]
    whole = pictures.textured(96 + 2 * FRAMES, 64)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=60, options=options | {"g": str(GOP)})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(FRAMES):
            window = np.ascontiguousarray(whole[:, 2 * index : 2 * index + 96])
            frame = av.VideoFrame.from_ndarray(window, "rgb24").reformat(format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("chosen", [range(FRAMES), [0], [7], [5, 11, 12, 13, 37], [39]])
def test_frames_are_those_of_a_whole_decode(video: Path, chosen: list[int]) -> None:
    with av.open(video) as container:
        whole = [frame.to_ndarray() for frame in container.decode(video=0)]
    times = shown_times(video)
    assert len(times) == len(whole) == FRAMES
    found = list(decode_at(video, [times[index] for index in chosen]))
    assert [time for time, _ in found] == [times[index] for index in chosen]
    for index, (_, frame) in zip(chosen, found, strict=True):
        assert np.array_equal(frame.to_ndarray(), whole[index]), index


def test_what_is_not_needed_is_not_decoded(video: Path, tmp_path: Path) -> None:
    """Every packet after the one that is asked for, up to the next key frame, is rubbish."""
    if video.name != "vp9.webm":
        pytest.skip("AV1's muxer takes no rubbish; H.264 may refer across key frames, so all of it is decoded")
    spoilt, keys, since = tmp_path / video.name, 0, 0
    with av.open(video) as source, av.open(spoilt, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.pts is None:
                continue
            keys, since = (keys + 1, 0) if packet.is_keyframe else (keys, since + 1)
            if keys == 2 and since > 3:
                rubbish = av.Packet(b"\xff" * 50)
                rubbish.pts, rubbish.dts, rubbish.time_base = packet.pts, packet.dts, packet.time_base
                packet = rubbish
            packet.stream = stream
            target.mux(packet)
    times = shown_times(spoilt)
    assert keys >= 3
    with pytest.raises(av.FFmpegError):
        list(decode_at(spoilt, times))
    assert len(list(decode_at(spoilt, [times[2], times[GOP + 3], times[2 * GOP + 1]]))) == 3


def test_times_that_are_not_there_are_left_out(video: Path) -> None:
    times = shown_times(video)
    asked = [times[3], times[3] + 0.0083, times[30], times[-1] + 5]
    assert [time for time, _ in decode_at(video, asked)] == [times[3], times[30]]
