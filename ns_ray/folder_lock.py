"""One process at a time in a folder, however the last one ended."""

from pathlib import Path

from filelock import FileLock, Timeout

from ns_ray.errors import FileError, FolderBusyError

LOCK_NAME = ".lock"


class FolderLock:
    """A lock that its process's death undoes, too."""

    def __init__(self, folder: Path, seconds: float = 30.0) -> None:
        """Takes the lock.

        Args:
            folder: where no other process shall write; it is made.
            seconds: how long to wait: workers of a job that was killed live on for a moment.

        Raises:
            FolderBusyError: another process holds it all that time.
            FileError: the folder cannot be made or written to.
        """
        self._lock = FileLock(folder / LOCK_NAME, thread_local=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=seconds)
        except Timeout:
            raise FolderBusyError(f"another process works in {folder}: wait for it or end it") from None
        except OSError as error:
            raise FileError(
                f"{folder}: it cannot be written to ({error.strerror}); make room or name another place"
            ) from error

    def release(self) -> None:
        """Gives the lock back; it may be called again."""
        self._lock.release()
