"""One process at a time in a folder, however the last one ended."""

import fcntl
import time
from pathlib import Path

from ns_ray.errors import ModelError


class FolderLock:
    """A lock that its process's death undoes, too."""

    def __init__(self, folder: Path, seconds: float = 30.0) -> None:
        """Takes the lock.

        Args:
            folder: where no other process shall write; it is made.
            seconds: how long to wait: workers of a job that was killed live on for a moment.

        Raises:
            ModelError: another process holds it all that time.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / ".lock").open("w")
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self._file.close()
                    raise ModelError(f"another process trains in {folder}: wait for it or end it") from None
            time.sleep(0.1)

    def release(self) -> None:
        """Gives the lock back; it may be called again."""
        self._file.close()
