"""Where the files of a cluster's hosts come to lie."""

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, model_validator

from ns_ray.config.strict import Strict

OutputKind = Literal["shared", "collected", "stored"]
"""`shared`: a folder that all nodes see; `collected`: each host's own disk, until the job fetches what is finished;
`stored`: an object store, in which a stream is saved as it grows."""


class Output(Strict):
    """Where hosts write streams' files, and where these are to be found in the end.

    Attributes:
        kind: `shared` needs a --result-dir that the job and all nodes with hosts see, as one machine does; with the
            others it is the job's alone.
        folder: where hosts write on their nodes' own disks, unless the kind is `shared`.
        url: the object store, and where in it, where the kind is `stored`: `s3://bucket/prefix`, `gs://...`, or what
            else fsspec knows. Credentials are the environment's of each node, never here.
        save_seconds: how much of a stream, in seconds, may be not yet saved there, and goes with a node that dies.
    """

    kind: OutputKind = "shared"
    folder: str = "/tmp/neuroscaler"
    url: str = ""
    save_seconds: float = Field(10, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> "Output":
        if not PurePosixPath(self.folder).is_absolute():
            raise ValueError(f"folder {self.folder}: name it from the root on, as in /var/neuroscaler")
        if (self.kind == "stored") != bool(self.url):
            raise ValueError("url and kind `stored` belong together: set both, as in url: s3://bucket/prefix, or none")
        if self.url and "://" not in self.url:
            raise ValueError(f"url {self.url}: it has to begin with the store's kind, as in s3://bucket/prefix")
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise ValueError("url: it is written in reports, so no password in it; credentials are the environment's")
        return self
