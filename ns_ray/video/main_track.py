"""Which of a file's video tracks is the video."""

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ns_ray.codecs.codec import VIDEO_CODECS


def main_track(container: InputContainer) -> VideoStream | None:
    """The first track of a supported codec of an open file, else its first video track; None where there is none.

    Pictures attached to it, as covers are, are no video, wherever they lie.
    """
    tracks = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    contexts = ((one, one.codec_context) for one in tracks)
    known = (one for one, context in contexts if context is not None and context.codec.canonical_name in VIDEO_CODECS)
    return next(known, next(iter(tracks), None))
