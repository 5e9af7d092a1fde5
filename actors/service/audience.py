"""Who watches a stream: each has a queue of its own, and one who is slow loses what comes before the next key frame."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

MOST_BYTES = 16 << 20
"""That wait for one viewer, and that are kept for those to come."""


class Viewer:
    """One who watches.

    Attributes:
        dropped: clusters that were left out, as they were not taken in time.
    """

    def __init__(self, header: bytes) -> None:
        """Begin with a stream's header."""
        self.dropped = 0
        self._header = header
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._behind = True  # until a key frame comes
        self._ended = False
        self._more = asyncio.Event()

    def put(self, cluster: bytes, key: bool) -> None:
        """Have a cluster sent; where too many bytes wait, these are dropped, and all that comes before a key frame."""
        if self._bytes + len(cluster) > MOST_BYTES:
            self.dropped += len(self._queue)
            self._queue.clear()
            self._bytes = 0
            self._behind = True
        if self._behind and not key:
            self.dropped += 1
            return
        self._behind = False
        self._queue.append(cluster)
        self._bytes += len(cluster)
        self._more.set()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._more.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """The header, then clusters, to the stream's end."""
        yield self._header
        while True:
            while self._queue:
                cluster = self._queue.popleft()
                self._bytes -= len(cluster)
                yield cluster
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()


class Audience:
    """The viewers of one stream. Nothing here waits: who sends is never slowed down."""

    def __init__(self) -> None:
        """Begin without viewers, and without anything to be seen."""
        self.viewers: set[Viewer] = set()
        self._header = b""
        self._since_key: list[tuple[bytes, bool]] = []
        self._bytes = 0
        self._opened = asyncio.Event()
        self._ended = False

    def open(self, header: bytes) -> None:
        """The stream begins."""
        self._header = header
        self._opened.set()

    def send(self, cluster: bytes, *, key: bool = False) -> None:
        """Send a cluster to all; `key`: it begins with a key frame of the video."""
        if key:
            self._since_key.clear()
            self._bytes = 0
        if key or self._since_key:
            self._since_key.append((cluster, key))
            self._bytes += len(cluster)
            if self._bytes > MOST_BYTES // 2:  # who joins waits for the next key frame
                self._since_key.clear()
                self._bytes = 0
        for viewer in self.viewers:
            viewer.put(cluster, key)

    async def join(self) -> Viewer:
        """One more: who begins with the last key frame; waits for the stream to begin."""
        await self._opened.wait()
        viewer = Viewer(self._header)
        for cluster, key in self._since_key:
            viewer.put(cluster, key)
        if self._ended:
            viewer.end()
        self.viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """One less."""
        self.viewers.discard(viewer)

    def end(self) -> None:
        """The stream ends, for all."""
        self._ended = True
        self._opened.set()
        for viewer in self.viewers:
            viewer.end()
