"""The errors a user of the library can act on."""


class NsRayError(Exception):
    """Base of every error raised on purpose; its text names the stream, file or frame, and the remedy.

    Its arguments are what is wrong: a text each, where several things are wrong at once.
    """

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))


class MediaError(NsRayError):
    """A video cannot be opened, read, decoded or written."""


class BitstreamError(NsRayError):
    """A coded frame does not follow the specification of its codec."""


class MissingReferenceError(BitstreamError):
    """A coded frame needs one, or parameters, that never came or are damaged. It is not damaged itself."""


class SelectionError(NsRayError):
    """Anchors were asked for in a way that makes no sense."""


class ModelError(NsRayError):
    """A model name or its weights cannot be used."""


class HybridError(NsRayError):
    """A hybrid stream cannot be written or read."""


class ConfigError(NsRayError):
    """A setting is unknown or out of range."""


class FileError(NsRayError):
    """A file cannot be written."""


class StoreError(NsRayError):
    """Object storage cannot be reached, or refuses."""


class FolderBusyError(NsRayError):
    """Another process writes where this one wants to."""


class StoppedError(NsRayError):
    """A run was told to end before it was done."""


class ResultError(NsRayError):
    """A benchmark's result cannot be read."""


class ActorLostError(NsRayError):
    """An actor died each time a call was made, or did not come back."""


class PartLostError(NsRayError):
    """Frames that one actor kept for another are gone, as happens when a node goes; they are to be made again."""
