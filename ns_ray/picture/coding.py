"""How the picture of an anchor is compressed."""

from typing import Literal, NamedTuple, get_args

from ns_ray.errors import ConfigError

Codec = Literal["jpeg", "jpeg-residual", "av1", "av1-residual"]
"""Codecs of anchors by name: an image format, and whether the image is of the picture or of its residual, that is of
what it differs by from its LR picture upscaled (`ns_ray.picture.prediction`)."""
CODECS: tuple[Codec, ...] = get_args(Codec)
LARGEST_FRACTION = 0.15
_PUBLISHED = ((0.05, 95), (0.075, 90), (0.1, 88), (LARGEST_FRACTION, 85))
_LEAST: dict[Codec, float] = {"jpeg": 0.35, "jpeg-residual": 0.1, "av1": 0.08, "av1-residual": 0.06}
_QUALITY: dict[Codec, int] = {"jpeg-residual": 75, "av1": 55, "av1-residual": 65}


class Coding(NamedTuple):
    """A codec, and what an image may take.

    Attributes:
        codec: its name.
        quality: 1 to 100: of JPEG as libjpeg counts, of AV1 evenly from crf 62 to 0.
        limit: bytes that an image may take at most, for which its quality is lowered (`ns_ray.picture.fitted`); 0 for
            any number.
    """

    codec: Codec
    quality: int
    limit: int = 0

    @property
    def residual(self) -> bool:
        """Whether it is the residual that is compressed."""
        return self.codec.endswith("-residual")

    def least_bytes(self, samples: int) -> int:
        """Bytes that an image of so many luma samples must be let take: with less, fewer images show more."""
        return round(_LEAST[self.codec] * samples / 8)

    @classmethod
    def usual(cls, codec: Codec, fraction: float) -> "Coding":
        """With the quality that goes with a fraction of anchors.

        Fewer JPEG pictures may each take more bytes, as published (NeuroScaler, SIGCOMM 2022); the published settings
        end at 10 %, and from there to 15 % the quality is 85, the one published for JPEG 2000. The other codecs take so
        few bytes that their quality is one for all fractions: it costs 0.02 to 0.05 dB of a whole stream.

        Raises:
            ConfigError: the fraction is outside 0..0.15.
        """
        if not 0 <= fraction <= LARGEST_FRACTION:
            raise ConfigError(
                f"a fraction of {fraction:g} is outside 0..{LARGEST_FRACTION}: more anchors than that cost more bits "
                "than they save; choose a smaller fraction"
            )
        published = next(quality for largest, quality in _PUBLISHED if fraction <= largest)
        return cls(codec, _QUALITY.get(codec, published))


def usual_share(codec: Codec) -> float:
    """What anchors take at most where nothing is said, for a bit of the video: 1; 0, for any number, of `jpeg`, whose
    qualities are the published ones."""
    return 0.0 if codec == "jpeg" else 1.0


PUBLISHED = Coding("jpeg", 90)
"""That of 7.5 % of anchors."""
