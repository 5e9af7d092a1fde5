"""Object storage by fsspec: whole objects under keys, no folders, no appending."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import fsspec

from ns_ray.errors import ConfigError, StoreError

_LOCAL = ("file", "local")


class ObjectStore:
    """A place in an object store. Several threads may use it.

    All methods but `url` raise:
        StoreError: the store cannot be reached, or refuses.
    """

    def __init__(self, url: str) -> None:
        """Set up access, by the credentials that the store's own library finds.

        Args:
            url: such as `s3://bucket/prefix`; every key is taken below it.

        Raises:
            ConfigError: nothing here knows such stores.
        """
        self.address = url.rstrip("/")
        made = {"auto_mkdir": True} if url.partition("://")[0] in _LOCAL else {}
        try:
            self._store, self._root = fsspec.core.url_to_fs(self.address, use_listings_cache=False, **made)
        except ImportError as error:
            raise ConfigError(
                f"output.url {url}: {error}; install what knows such stores on all nodes: pip install '.[store]'"
            ) from error
        except ValueError as error:
            raise ConfigError(f"output.url {url}: {error}; name another store, as in s3://bucket/prefix") from error

    def url(self, key: str) -> str:
        """Where an object is to be found."""
        return f"{self.address}/{key}"

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        with self._told("written to", key) as path:
            self._store.pipe_file(path, data)

    def put_file(self, key: str, file: Path) -> None:
        """Write an object that is a file here."""
        with self._told("written to", key) as path:
            self._store.put_file(str(file), path)

    def get(self, key: str) -> bytes:
        """Read an object."""
        with self._told("read", key) as path:
            data: bytes = self._store.cat_file(path)
            return data

    def get_file(self, key: str, file: Path) -> None:
        """Read an object into a file here."""
        with self._told("read", key) as path:
            self._store.get_file(path, str(file))

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        with self._told("read", key) as path:
            try:
                size: int = self._store.info(path)["size"]
            except FileNotFoundError:
                return None
            return size

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of all objects below a prefix, by what follows it."""
        with self._told("read", prefix) as path:
            try:
                found = self._store.find(path, detail=True)
            except FileNotFoundError:
                return {}
            return {name.rpartition("/")[2]: one["size"] for name, one in found.items()}

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._told("removed", key) as path:
            try:
                self._store.rm_file(path)
            except FileNotFoundError:
                return

    def remove_all(self, keys: Sequence[str]) -> None:
        """Remove objects that are there, in as few requests as the store allows; raises as `remove`."""
        if keys:
            with self._told("removed", keys[0]):
                self._store.rm([f"{self._root}/{key}" for key in keys])

    @contextmanager
    def _told(self, what: str, key: str) -> Iterator[str]:
        try:
            yield f"{self._root}/{key}"
        except Exception as error:  # each store's library has its own
            why = " ".join(str(error).split()) or type(error).__name__
            raise StoreError(f"{self.url(key)}: it cannot be {what} ({why})") from error


def require_store(url: str) -> None:
    """Write, read and remove an object in a store.

    Raises:
        ConfigError: that cannot be done.
    """
    key, data = f"probe-{uuid4().hex}", uuid4().bytes
    try:
        store = ObjectStore(url)
        store.put(key, data)
        same = store.get(key) == data
        store.remove(key)
    except StoreError as error:
        raise ConfigError(
            f"output.url {url}: {error}; give this machine and all nodes with hosts credentials that may write, read, "
            "list and remove there (a role, or the environment: docs/cluster.md), or choose another output.kind"
        ) from error
    if not same:
        raise ConfigError(f"output.url {url}: what was written there is read otherwise; name another store")
