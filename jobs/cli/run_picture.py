"""What a run's output looks like: frames of a stream, rebuilt as a client does, beside bicubic and the reference."""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import av
import av.error

from ns_ray.client.decoder import HybridDecoder
from ns_ray.client.rebuild import HrFrame
from ns_ray.errors import MediaError, NsRayError
from ns_ray.evaluation.nearness import Nearness
from ns_ray.evaluation.original import ALIKE, Despite, Original, scaled
from ns_ray.picture.colors import colors_of
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Plane, Yuv420, from_frame
from ns_ray.report.crops import crop, last_of_each
from ns_ray.report.results import BenchmarkResult, CropResult, PictureResult, QualityResult, StreamResult
from ns_ray.video.address import regular
from ns_ray.video.probe import open_input

Pair = tuple[HrFrame, av.VideoFrame | None]

_EPOCHS = 1.25, 2
"""Between these epochs the frame is taken that is shown: rebuilding is under way by then, and it comes soon."""
_MOST_THREADS = 8


def picture_of(
    result: BenchmarkResult, references: Mapping[str, str], folder: Path, despite: Despite = ALIKE
) -> PictureResult:
    """Show the first stream that was written; what cannot be shown is told by a note.

    Args:
        result: the run.
        references: originals at HR by the videos that were enhanced.
        folder: the run's, where images are written.
        despite: what an original may differ in.
    """
    stream = next((one for one in result.streams if one.output and one.frames), None)
    if stream is None:
        return PictureResult(note="no stream was written")
    reference, note = references.get(stream.input, ""), ""
    for path in dict.fromkeys((reference, "")):
        try:
            crops, quality = _seen(result, stream, path, folder, despite)
            return PictureResult(stream.name, path, crops, note, quality)
        except (NsRayError, OSError) as error:
            note = str(error)
    return PictureResult(stream.name, note=note)


def _seen(
    result: BenchmarkResult, stream: StreamResult, reference: str, folder: Path, despite: Despite
) -> tuple[list[CropResult], QualityResult | None]:
    rate = stream.frames / stream.seconds if stream.seconds else 0
    wanted = range(*(math.ceil(epochs * result.config["epoch_seconds"] * rate) for epochs in _EPOCHS))
    hybrid = result.options["method"] == "neuroscaler"
    with ExitStack() as opened, Nearness(Fraction(rate).limit_denominator(1001)) as nearness:
        pairs = (
            _hybrid(stream, reference, despite) if hybrid else _encoded_anew(result, stream, reference, despite, opened)
        )
        beside = _beside_the_one_before(_measured(pairs, reference, nearness))
        crops = [crop(frame, truth, before, folder) for frame, (truth, before) in last_of_each(beside, wanted)]
        return crops, nearness.result()


def _measured(pairs: Iterator[Pair], reference: str, nearness: Nearness) -> Iterator[tuple[HrFrame, Yuv420 | None]]:
    """The frames, with their originals in their own size and colours."""
    for frame, original in pairs:
        rows, columns = frame.picture.y.shape
        truth = None if original is None else scaled(original, (columns, rows), frame.colors, reference)
        if truth is not None:
            nearness.add(frame, truth)
        yield frame, truth


def _beside_the_one_before(
    pairs: Iterator[tuple[HrFrame, Yuv420 | None]],
) -> Iterator[tuple[HrFrame, tuple[Yuv420 | None, Plane | None]]]:
    """The frames, beside each its original and the LR luma of the frame before."""
    before = None
    for frame, truth in pairs:
        yield frame, (truth, before)
        before = frame.lr.y


def _hybrid(stream: StreamResult, reference: str, despite: Despite) -> Iterator[Pair]:
    decoder = HybridDecoder(stream.output, "best", min(os.cpu_count() or 1, _MOST_THREADS))
    if not reference:
        return zip(decoder, repeat(None), strict=False)
    original = Original(reference, _source(stream), decoder.scale, despite)
    return original.beside((frame, frame.pts * decoder.info.time_base) for frame in decoder)


def _source(stream: StreamResult) -> str:
    """What is looked at to tell whether an original belongs to it: what came in, if that can be read once more."""
    return stream.output if regular(stream.input) is None else stream.input


def _encoded_anew(
    result: BenchmarkResult, stream: StreamResult, reference: str, despite: Despite, opened: ExitStack
) -> Iterator[Pair]:
    """The frames of HR video, and of the LR video it was made of."""
    anchors = {anchor.video_index for anchor in result.chosen if anchor.stream == stream.name}
    every = result.options["method"] == "per-frame"
    if regular(stream.input) is None:
        raise MediaError(f"{stream.input} is no file: what was enhanced cannot be read a second time")
    videos = zip(_frames(stream.output, opened), _frames(stream.input, opened), strict=False)
    pairs: Iterator[tuple[tuple[av.VideoFrame, av.VideoFrame], av.VideoFrame | None]] = zip(
        videos, repeat(None), strict=False
    )
    if reference:
        original = Original(reference, stream.input, 1, despite)
        pairs = original.beside(((hr, lr), (hr.pts or 0) * Fraction(hr.time_base or 1)) for hr, lr in videos)
    for number, ((hr, lr), truth) in enumerate(pairs):
        colors = colors_of(hr).assumed
        low = convert(from_frame(lr), colors_of(lr), colors)
        source = "super-resolved" if every else "anchor" if number in anchors else "rebuilt"
        yield HrFrame(number, hr.pts or 0, from_frame(hr), low, source, colors), truth


def _frames(path: str, opened: ExitStack) -> Iterator[av.VideoFrame]:
    try:
        yield from _open(path, opened).decode(video=0)
    except av.error.FFmpegError as error:
        raise MediaError(f"{path}: it cannot be decoded ({error})") from error


def _open(path: str, opened: ExitStack) -> av.container.InputContainer:
    container = opened.enter_context(open_input(path))
    for track in container.streams.video:
        track.thread_type = "AUTO"
    return container
