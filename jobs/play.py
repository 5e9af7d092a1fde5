"""Play a hybrid stream: write its frames at high resolution, as video, with its sound and subtitles."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import av

from ns_ray.client.decoder import HybridDecoder
from ns_ray.client.film import Film, open_film
from ns_ray.client.film_encoder import FilmFormat
from ns_ray.client.rebuild import HrFrame
from ns_ray.client.side_by_side import Zoom, side_by_side
from ns_ray.errors import ConfigError, HybridError
from ns_ray.evaluation.original import Original, scaled
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.despite import despite, despite_options
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.jobs.cli.progress import Progress
from ns_ray.picture.colors import RESERVED, STANDARD, Colors
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420, resize

_SHORT_SIGHTED = {"libx264": {"preset": "veryfast"}, "libvpx-vp9": {"lag-in-frames": "0"}}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("hybrid", nargs="?", metavar="HYBRID", help="the hybrid stream: a path, or a URL; the same as -i HYBRID")
    vocabulary.input_option(parser, "the hybrid stream", metavar="HYBRID")
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="the video; .mkv, .webm, .mp4 and .mov keep its times exactly, .y4m is written uncoded",
    )
    add(
        "--mode",
        choices=("best", "plain", "lr"),
        default="best",
        help="plain is reuse as published, lr upscaling alone",
    )
    add("--side-by-side", action="store_true", help="put LR upscaled to the left of HR, each with its name")
    add("--reference", metavar="HR", help="the original, to the right of these; it ends where that ends")
    add(
        "--zoom",
        type=_zoom,
        metavar="N[:X:Y]",
        help="show a part of the picture N times as large, around its middle or around X, Y (samples of HR)",
    )
    add("--encoder", default=None, metavar="NAME", help="any video encoder of PyAV (libx264; libvpx-vp9 for .webm)")
    add(
        "--encoder-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the encoder; libx264 gets preset=veryfast, libvpx-vp9 lag-in-frames=0",
    )
    add("--threads", type=values.count, default=1, metavar="N", help="threads of the reconstruction")
    despite_options(parser)
    options = parser.parse_args(argv)
    vocabulary.one_input(parser, options, "hybrid")
    if options.reference and not options.side_by_side:
        parser.error("--reference is shown --side-by-side: say that, too")
    options.encoder_option = dict(option.partition("=")[::2] for option in options.encoder_option)
    options.encoder = options.encoder or ("libvpx-vp9" if options.output.suffix.lower() == ".webm" else "libx264")
    # Slower presets look ahead over more 2160p frames than memory should hold.
    for name, value in _SHORT_SIGHTED.get(options.encoder, {}).items():
        options.encoder_option.setdefault(name, value)
    return options


def _zoom(text: str) -> Zoom:
    try:
        return Zoom.parse(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: play(options))


def play(options: argparse.Namespace) -> None:
    """Decode, rebuild and write all frames.

    Raises:
        NsRayError: the input is no hybrid stream, or the output cannot be written.
    """
    checks = Checks()
    checks.settings(options)
    checks.video(options.hybrid)
    if options.reference:
        checks.video(options.reference)
    checks.file(options.output, "--output")
    checks(require_other_output, options, "output")
    if options.output.suffix.lower() != ".y4m":
        checks(_require_encoder, options.encoder)
    checks.done()
    decoder = HybridDecoder(options.hybrid, "best" if options.mode == "lr" else options.mode, options.threads)
    sources = dict.fromkeys(("anchor", "rebuilt", "upscaled", "repeated"), 0)
    console = entry.console()
    source = None
    frames: Iterable[tuple[HrFrame, av.VideoFrame | None]] = zip(decoder, repeat(None), strict=False)
    if options.reference:
        source = Original(options.reference, options.hybrid, decoder.scale, despite(options))
        begin = source.begin
        frames = source.beside((frame, frame.pts * decoder.info.time_base - begin) for frame in decoder)
    with Progress(console) as progress, _Output(options, decoder) as output:
        task = progress.add_task("frames", total=None)
        for frame, original in frames:
            output.write(frame, original)
            sources["upscaled" if options.mode == "lr" else frame.source] += 1
            progress.advance(task)
    told = ", ".join(f"{count} {source}" for source, count in sources.items() if count)
    console.print(f"{sum(sources.values())} frames ({told}) written to {options.output}")
    for index, reason in decoder.damaged[:10]:
        console.print(f"packet {index}: {reason}", style="yellow")
    for note in (*output.notes, *(source.notes() if source else ())):
        console.print(note, style="yellow")
    if sources["upscaled"] and options.mode != "lr":
        console.print("upscaled frames come before the first anchor, or refer to nothing known at HR", style="yellow")


def _require_encoder(name: str) -> None:
    try:
        codec = av.codec.Codec(name, "w")
    except ValueError:
        codec = None
    if codec is None or codec.type != "video":
        raise ConfigError(f"--encoder {name}: PyAV has no such video encoder; choose libx264, libsvtav1 or libvpx-vp9")


class _Output:
    """The film, begun with the first picture; whole when all went well, else not there.

    It is as large as the largest pictures, or as the first where the stream cannot be read twice. Its colours are those
    of the first.
    """

    def __init__(self, options: argparse.Namespace, decoder: HybridDecoder) -> None:
        self._options = options
        self._decoder = decoder
        self._film: Film | None = None
        self._size = (0, 0)
        self._sized = ""
        self._colors = STANDARD
        self._resized = self._recolored = False
        self.notes: list[str] = []

    def write(self, frame: HrFrame, original: av.VideoFrame | None = None) -> None:
        """Take the next frame, its original if that is shown, and what came beside it."""
        rows, columns = frame.picture.y.shape
        if self._film is None:
            largest = self._decoder.largest_size()
            first = (columns, rows)
            self._size = first if largest is None or largest == first else _even(largest)
            self._sized = "the largest" if largest else "the first, as it cannot be read twice"
            across = len(self._pictures(frame, original))
            colors = _told(self._decoder.info.colors, frame.colors)
            self._colors = colors.assumed
            format = FilmFormat(
                replace(self._decoder.info, colors=colors),
                (self._size[0] * across, self._size[1]),
                self._options.encoder,
                self._options.encoder_option,
                across,
            )
            self._film = open_film(self._options.output, format)
        if (columns, rows) != self._size and not self._resized:
            self._resized = True
            self.notes.append(
                f"its frames have several sizes, frame {frame.video_index} {columns}x{rows}; all are written at "
                f"{self._size[0]}x{self._size[1]}, the size of {self._sized}"
            )
        if not self._recolored and _told(self._colors, frame.colors) != self._colors:
            self._recolored = True
            self.notes.append(f"its colours change at frame {frame.video_index}; all are written in those of the first")
        pictures = self._pictures(frame, original)
        shown = side_by_side(pictures) if self._options.side_by_side else next(iter(pictures.values()))
        self._film.write(shown, frame.pts)
        self._film.copy(self._decoder.sides)

    def _pictures(self, frame: HrFrame, original: av.VideoFrame | None) -> dict[str, Yuv420]:
        """What is shown of a frame, from left to right, by name."""
        rows, columns = frame.picture.y.shape
        pictures = {}
        if self._options.side_by_side or self._options.mode == "lr":
            pictures["LR upscaled"] = frame.lr
        if self._options.mode != "lr":
            pictures["enhanced"] = frame.picture
        if original is not None:
            pictures["reference"] = scaled(original, (columns, rows), frame.colors, self._options.reference)
        fitted = {name: self._fitted(picture, frame.colors) for name, picture in pictures.items()}
        zoom = self._options.zoom
        return fitted if zoom is None else {f"{name}, {zoom.times}x": zoom.of(one) for name, one in fitted.items()}

    def _fitted(self, picture: Yuv420, colors: Colors) -> Yuv420:
        """A picture in the film's size and colours."""
        return convert(resize(picture, self._size), colors, self._colors)

    def __enter__(self) -> "_Output":
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if self._film is None:
            if kind is None:
                raise HybridError(f"{self._options.hybrid}: no picture could be decoded, so nothing is written")
            return
        try:
            if kind is None:
                self._film.copy(self._decoder.sides)
                self._film.close()
                self.notes += self._film.notes
        except BaseException:
            kind = True
            raise
        finally:
            if kind is not None:
                self._film.abandon()


def _told(said: Colors, own: Colors) -> Colors:
    """How pictures of some colours are tagged: as was said of them where that means the same range and matrix."""
    meant = said.assumed
    same = (meant.range, meant.matrix) == (own.range, own.matrix) and said.matrix != RESERVED
    return said if same else own


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """A size that every encoder takes, for pictures that are scaled anyway."""
    width, height = size
    return max(2, width - width % 2), max(2, height - height % 2)


if __name__ == "__main__":
    sys.exit(main())
