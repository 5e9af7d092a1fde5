"""Play a hybrid stream: write its frames at high resolution, as video."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from jobs import face
from ns_ray.errors import MediaError
from ns_ray.hybrid.decoder import HybridDecoder
from ns_ray.hybrid.rebuild import HrFrame
from ns_ray.picture.yuv import Yuv420, resize, to_frame


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=face.HelpFormatter)
    add = parser.add_argument
    add("hybrid", metavar="HYBRID", help="the hybrid stream")
    add("-o", "--output", type=Path, required=True, metavar="OUT", help="the video; .y4m is written uncoded")
    add(
        "--mode",
        choices=("best", "plain", "lr"),
        default="best",
        help="plain is reuse as published, lr upscaling alone",
    )
    add("--side-by-side", action="store_true", help="put LR upscaled to the left of HR")
    add("--encoder", default="libx264", metavar="NAME", help="any video encoder of PyAV")
    add(
        "--encoder-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the encoder; libx264 gets preset=veryfast",
    )
    add("--threads", type=int, default=1, metavar="N", help="threads of the reconstruction")
    options = parser.parse_args(argv)
    options.encoder_option = dict(option.partition("=")[::2] for option in options.encoder_option)
    if options.encoder == "libx264":  # slower presets look ahead over more 2160p frames than memory should hold
        options.encoder_option.setdefault("preset", "veryfast")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return face.run(lambda: play(options))


def play(options: argparse.Namespace) -> None:
    """Decode, rebuild and write all frames.

    Raises:
        NsRayError: the input is no hybrid stream, or the output cannot be written.
    """
    decoder = HybridDecoder(options.hybrid, "best" if options.mode == "lr" else options.mode, options.threads)
    sources = {"anchor": 0, "rebuilt": 0, "upscaled": 0}
    console = face.console()
    part = options.output.with_name(f"{options.output.stem}.part{options.output.suffix}")
    with _progress(console) as (progress, task), _Writer(options, part, decoder) as writer:
        for frame in decoder:
            writer.write(_picture(frame, options), frame.pts)
            sources["upscaled" if options.mode == "lr" else frame.source] += 1
            progress.advance(task)
    part.replace(options.output)
    told = ", ".join(f"{count} {source}" for source, count in sources.items() if count)
    console.print(f"{sum(sources.values())} frames ({told}) written to {options.output}")
    for index, reason in decoder.damaged[:10]:
        console.print(f"packet {index}: {reason}", style="yellow")
    if sources["upscaled"] and options.mode != "lr":
        console.print("upscaled frames come before the first anchor, or refer to nothing known at HR", style="yellow")


def _picture(frame: HrFrame, options: argparse.Namespace) -> Yuv420:
    height, width = frame.picture.y.shape
    if options.mode == "lr" or options.side_by_side:
        larger = resize(frame.lr, (width, height))
        if options.mode == "lr":
            return larger
        pairs = zip(larger.planes, frame.picture.planes, strict=True)
        return Yuv420(*(np.concatenate(pair, axis=1) for pair in pairs))
    return frame.picture


class _Writer:
    """Encodes pictures to a file; the size is that of the first."""

    def __init__(self, options: argparse.Namespace, path: Path, decoder: HybridDecoder) -> None:
        uncoded = path.suffix == ".y4m"
        codec = "rawvideo" if uncoded else options.encoder
        try:
            self._sink = av.open(str(path), "w", format="yuv4mpegpipe" if uncoded else None)
            stream = self._sink.add_stream(codec, rate=decoder.info.frame_rate)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise MediaError(f"{options.output}: it cannot be written by {codec} ({error}); try another") from error
        assert isinstance(stream, av.VideoStream)
        stream.options = options.encoder_option
        stream.pix_fmt = "yuv420p"
        sides = 2 if options.side_by_side else 1
        stream.width = decoder.info.width * decoder.scale * sides
        stream.height = decoder.info.height * decoder.scale
        stream.codec_context.time_base = Fraction(decoder.info.time_base)
        if not uncoded:
            stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        self._stream = stream
        self._path = options.output

    def write(self, picture: Yuv420, pts: int) -> None:
        """Encode the next picture."""
        frame = to_frame(picture)
        frame.pts, frame.time_base = pts, self._stream.codec_context.time_base
        self._mux(frame)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._sink.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(f"{self._path}: it cannot be written ({error})") from error

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self._mux(None)
        self._sink.close()


@contextmanager
def _progress(console: Console) -> Iterator[tuple[Progress, TaskID]]:
    columns = (SpinnerColumn(), TextColumn("frames"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress, progress.add_task("", total=None)


if __name__ == "__main__":
    sys.exit(main())
