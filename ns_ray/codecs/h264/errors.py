"""What is wrong with an H.264 stream, where that is not damage."""

from ns_ray.errors import BitstreamError


class UnsupportedStreamError(BitstreamError):
    """The stream uses a part of H.264 that is left out here; the text names it."""
