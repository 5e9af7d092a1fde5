"""Where the files of a run lie, for the job: proven before it, brought to the result folder or the store after it."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Followed, Following
from ns_ray.actors.node_files import NodeFiles
from ns_ray.config.output import Output
from ns_ray.errors import ConfigError, FileError, HybridError, StoreError
from ns_ray.object_store import ObjectStore
from ns_ray.report.results import StreamResult


class RunOutputs:
    """The outputs of a job's runs, of the kind that the configuration says.

    Hosts write below `Output.folder` what is named as in the result folder; the store has the same names.
    """

    def __init__(self, output: Output, result_dir: Path) -> None:
        """Set up outputs.

        Args:
            output: where they lie.
            result_dir: the result folder, on the job's own node.
        """
        self._output = output
        self._result_dir = result_dir
        self._disks = NodeFiles()
        self._store = ObjectStore(output.url) if output.kind == "stored" else None

    def word(self) -> str:
        """What a run's name needs beside its time, where other jobs' runs lie in the same place."""
        return "" if self._output.kind == "shared" else uuid4().hex[:6]

    def written(self, folder: Path) -> Path:
        """Where hosts write what belongs into a folder of the result folder."""
        if self._output.kind == "shared":
            return folder.resolve()
        return Path(self._output.folder) / folder.relative_to(self._result_dir)

    async def prove(self, fleet: Fleet) -> None:
        """Have every host write where its streams' files are to lie, and look whether that arrives.

        Raises:
            ConfigError: it does not; a text for every node, with the remedy.
        """
        token = uuid4().hex
        folder = self._result_dir / f"probe-{token}"
        try:
            await asyncio.to_thread(self._begin_probe, folder, token)
            hosts = [name for name in fleet.names() if name.startswith("host-")]
            written = await asyncio.gather(*(self._written(fleet, host, folder, token) for host in hosts))
            # One by one, as each may take a process on its node, which the next one there takes again.
            problems = [await self._wrong(host, folder, token, told) for host, told in zip(hosts, written, strict=True)]
            if any(problems):
                raise ConfigError(*dict.fromkeys(filter(None, problems)))
        finally:
            await asyncio.to_thread(self._end_probe, folder)

    async def collect(self, following: Following, folder: Path) -> None:
        """Fetch the files of streams that have ended into a folder, as far as they are not yet there.

        A stream whose finished file went with its node is to be followed once more, as it is made again.
        """
        for name, followed in list(following.streams.items()):
            if followed.report.node:
                await self._fetch(following, name, folder)

    async def clear(self, folder: Path, followed: list[Followed]) -> None:
        """Remove what is left of a run on hosts' disks, unless a stream is to be had from there alone."""
        if self._output.kind == "shared" or any(one.report.state == "failed" for one in followed):
            return
        nodes = await asyncio.to_thread(self._disks.nodes)
        written = self.written(folder)
        await asyncio.gather(*(asyncio.to_thread(self._disks.remove, node, written) for node in nodes))

    @contextmanager
    def seen(self, streams: list[StreamResult]) -> Iterator[list[StreamResult]]:
        """The streams with the first finished one's file where this process can read it."""
        first = next((one for one in streams if one.output and one.frames), None)
        if self._store is None or first is None:
            yield streams
            return
        with TemporaryDirectory(prefix="ns-ray-seen") as folder:
            file = Path(folder) / f"{first.name}.mkv"
            self._store.get_file(first.output.removeprefix(f"{self._store.address}/"), file)
            yield [replace(one, output=str(file)) if one is first else one for one in streams]

    def publish(self, folder: Path) -> str:
        """Bring what the job has written itself to the store; where it is then, or nothing where there is no store.

        Raises:
            StoreError: that cannot be done.
        """
        if self._store is None:
            return ""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        for path in files:
            self._store.put_file(self._key(path), path)
        return self._store.url(self._key(folder))

    def _key(self, path: Path) -> str:
        return path.relative_to(self._result_dir).as_posix()

    def _begin_probe(self, folder: Path, token: str) -> None:
        try:
            folder.mkdir(parents=True)
            (folder / token).write_text(token)
        except OSError as error:
            raise FileError(f"{folder.parent}: it cannot be written to ({error}); name another --result-dir") from error

    async def _written(self, fleet: Fleet, host: str, folder: Path, token: str) -> str | HybridError:
        """The id of the node that a host has written its probe on, or why it could not."""
        try:
            return await fleet.crew.prove(host, self.written(folder), token)
        except HybridError as error:
            return error

    async def _wrong(self, host: str, folder: Path, token: str, told: str | HybridError) -> str:
        """What is wrong with a host's node; empty where nothing is."""
        kind = f"output.kind {self._output.kind}"
        if isinstance(told, HybridError):
            return f"{kind}: {told}"
        try:
            if await asyncio.to_thread(self._arrived, folder, host, told) == token:
                return ""
            why = "the place is another one there"
        except (FileError, StoreError) as error:
            why = str(error)
        return (
            f"{kind}: what {host} wrote on node {told[:8]} is not to be had here ({why}): name a place that both see, "
            "or choose another output.kind"
        )

    def _arrived(self, folder: Path, host: str, node: str) -> str:
        """What is here of a host's probe."""
        file = folder / host
        match self._output.kind:
            case "collected":
                self._disks.fetch(node, self.written(file), file)
            case "stored":
                assert self._store is not None
                return self._store.get(self._key(file)).decode()
        return file.read_text() if file.is_file() else ""

    def _end_probe(self, folder: Path) -> None:
        if self._store is not None:
            for name in self._store.sizes(self._key(folder)):
                self._store.remove(f"{self._key(folder)}/{name}")
        if self._output.kind != "shared":
            for node in self._disks.nodes():
                self._disks.remove(node, self.written(folder))
        shutil.rmtree(folder, ignore_errors=True)

    async def _fetch(self, following: Following, name: str, folder: Path) -> None:
        followed = following.streams[name]
        report = followed.report
        to = folder / Path(report.output).name
        try:
            await asyncio.to_thread(self._disks.fetch, report.node, Path(report.output), to)
        except FileError as error:
            if report.node not in await asyncio.to_thread(self._disks.nodes):
                following.begin_again(name)
                return
            reason = f"stream {name}: {error}"
            followed.report = replace(report, state="failed", reason=reason, output="", output_bytes=0, node="")
            return
        followed.report = replace(report, output=str(to), node="")
        await following.let_go(name)
