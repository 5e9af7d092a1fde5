"""A benchmark of the whole system, once its options are read: runs on one set of actors, and their reports."""

import argparse
import asyncio
import time
import uuid
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from math import floor
from pathlib import Path

import ray

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Following
from ns_ray.actors.following import Progress as Told
from ns_ray.actors.local_ray import join_ray
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Plan, misfit
from ns_ray.actors.summary import cpu_by_stage, summarise
from ns_ray.actors.usage import UsageSampler
from ns_ray.anchors.account import Rate
from ns_ray.anchors.baselines import Key, PerFrame, Uniform
from ns_ray.anchors.policies import Budget, Fraction, Policy
from ns_ray.config.config import Config
from ns_ray.errors import ConfigError, MediaError, StoppedError, StoreError
from ns_ray.host import describe_host
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite
from ns_ray.jobs.cli.methods import METHODS
from ns_ray.jobs.cli.nodes import await_nodes, require_placed
from ns_ray.jobs.cli.progress import Progress, waiting
from ns_ray.jobs.cli.run_picture import picture_of
from ns_ray.jobs.cli.run_sources import inputs_of, references_of, require_rate, weights_of
from ns_ray.jobs.cli.stopping import Stop
from ns_ray.jobs.work.run_outputs import RunOutputs
from ns_ray.picture.coding import Coding, usual_share
from ns_ray.report import html
from ns_ray.report.artifact_files import model_folder, runs_folder
from ns_ray.report.bottleneck import as_method
from ns_ray.report.picture_section import picture_line
from ns_ray.report.published_logs import write_logs
from ns_ray.report.realtime import LEAST_EPOCHS
from ns_ray.report.results import AdmissionResult, BenchmarkResult, MethodResult, PictureResult, StreamResult
from ns_ray.run_folder import new_run, of_inputs, publish, set_aside
from ns_ray.sr.weights import load_weights, save_weights, varied
from ns_ray.video.probe import VideoInfo
from ns_ray.whole_file import write_record

_HIGHEST = 95  # quality from which a rate lowers it
_LOOK_SECONDS = 0.5
_BY_FRACTION = ("fraction", "uniform", "uniform-coded")


def benchmark(options: argparse.Namespace, config: Config) -> None:
    """Start or join Ray, and run; what can be checked before that was (`jobs/benchmark.py`).

    Raises:
        ConfigError: an option is out of range.
        NsRayError: nothing could be run, or a stream was refused, failed or stopped; results are written all the same.
    """
    coding = coding_of(options, config)
    inputs = inputs_of(options, config)
    references = references_of(options, config, inputs)
    pools = (config.manager, config.host, config.decoder, config.scheduler, config.enhancer, config.encoder)
    try:
        with waiting(entry.console(), "starting Ray"):
            join_ray(sum(pool.actors * pool.cpus for pool in pools), config.object_store_mb)
        asyncio.run(_Session(options, config, coding, inputs, references, Stop()).run())
    finally:
        ray.shutdown()


class _Session:
    """The runs of one invocation, on one set of actors."""

    def __init__(
        self,
        options: argparse.Namespace,
        config: Config,
        coding: Coding,
        inputs: list[str],
        references: dict[str, str],
        stop: Stop,
    ) -> None:
        self.options = options
        self.config = config
        self.coding = coding
        self.inputs = inputs
        self.references = references
        self.stop = stop
        self.policy = _policy(options, config)
        self.console = entry.console()
        self.refused: dict[str, str] = {}
        self.outputs = RunOutputs(config.output, options.result_dir)

    async def run(self) -> None:
        with self.stop.listening():
            await self._run()

    async def _run(self) -> None:
        with Fleet(self.config, self.options.num_gpus) as fleet:
            kinds = fleet.configured() | ({"encoder": self.config.encoder.actors} if self._encodes() else {})
            require_placed(self.config, kinds, self.options.num_gpus)
            await self.stop.unless(await_nodes(fleet.reserved(kinds), self.config.wait_seconds, self.console))
            with waiting(self.console, "starting actors"):
                await self.stop.unless(fleet.start())
            await self.stop.unless(self.outputs.prove(fleet))
            infos = await self.stop.unless(self._probe(fleet))
            if self.options.find_max:
                await self._find_max(fleet, infos)
            else:
                with self._new_run(infos, self.options.num_videos) as folder:
                    await self._one(fleet, infos, folder)

    async def _one(self, fleet: Fleet, infos: dict[str, VideoInfo], folder: Path) -> None:
        """The run that was asked for, and others to compare it with."""
        result = await self._measure(fleet, infos, self.options.num_videos, self.options.paced, folder)
        for method in self.options.against:
            self._save(result, folder)  # should the next method fail
            with suppress(StoppedError):  # of a method that was cut short there is nothing to tell
                result.against.append(await self._other(method).against(fleet, infos, folder))
        self._show(result, folder)
        bad = [s.reason for s in result.streams if s.status in ("refused", "failed")]
        cut = sum(s.status == "stopped" for s in result.streams)
        if cut or len(result.against) < len(self.options.against):
            bad.append(f"stopped by {self.stop.by}: {cut} of {len(result.streams)} streams ended early")
        if bad:
            raise MediaError("; ".join(bad))

    async def _probe(self, fleet: Fleet) -> dict[str, VideoInfo]:
        infos = {}
        for path in dict.fromkeys(self.inputs):
            try:
                info = await fleet.manager.probe(path, self.options.unsafe_input)
                require_rate(info, self.options.frame_rate)
                infos[path] = info
            except MediaError as error:
                self.refused[path] = str(error)
        return self._fitting(infos)

    def _fitting(self, infos: dict[str, VideoInfo]) -> dict[str, VideoInfo]:
        """The videos that the method can enhance; the others are refused."""
        method = self.options.method
        unfit = {path: f"{path}: {why}" for path, info in infos.items() if (why := misfit(method, info))}
        self.refused |= unfit
        return {path: info for path, info in infos.items() if path not in unfit}

    async def _find_max(self, fleet: Fleet, infos: dict[str, VideoInfo]) -> None:
        """Double the streams until real time breaks, then close in on the last number that held."""
        if self.refused:
            raise MediaError("; ".join(self.refused.values()))
        self._require_epochs(infos)
        tried: dict[int, bool] = {}
        held, broke, count = 0, None, self.options.num_videos
        while broke is None or broke - held > 1:
            with self._new_run(infos, count) as folder:
                result = await self._measure(fleet, infos, count, True, folder)
                self._show(result, folder)
            if self.stop.by:
                break
            failed = [stream.reason for stream in result.streams if stream.status == "failed"]
            if failed:
                raise MediaError("; ".join(failed))
            if result.real_time is None:
                raise MediaError(f"--find-max: {count} streams cannot be judged: {result.not_judged}")
            tried[count] = result.real_time
            held, broke = (count, broke) if result.real_time else (held, count)
            count = 2 * count if broke is None else (held + broke) // 2
        path = folder.parents[1] / f"find_max_g{self.options.num_gpus}.json"
        set_aside(path, self.console.print)
        write_record(path, {"streams": held, "tried": tried})
        self.console.print(f"[bold]{held} streams in real time[/bold] (tried {sorted(tried)}); {path}")
        if self.stop.by:
            raise StoppedError(f"stopped by {self.stop.by} while trying {count} streams")

    def _require_epochs(self, infos: dict[str, VideoInfo]) -> None:
        """Refuse a search by runs that are too short to be judged; raises ConfigError."""
        frames = self.options.num_frames
        for path, info in infos.items():
            least = floor((LEAST_EPOCHS - 1) * self.config.slot * info.frame_rate) + 1
            if frames < least:
                raise ConfigError(
                    f"--num-frames {frames}: real time is judged by {LEAST_EPOCHS} epochs or more, which take {least} "
                    f"frames of {path}; ask for as many"
                )

    def _other(self, method: str) -> "_Session":
        """The same for another method: published settings, pretrained weights."""
        options = argparse.Namespace(**vars(self.options))
        options.method, options.weights, options.own_weights = method, None, False
        options.model_name, options.policy, options.fraction = METHODS[method]
        options.told = [*dict.fromkeys((*options.told, "method"))]
        options.num_frames = options.against_frames
        options.num_videos = options.against_videos or self.config.encoder.actors
        coding = coding_of(options, self.config)
        other = _Session(options, self.config, coding, self.inputs, self.references, self.stop)
        other.refused = dict(self.refused)
        return other

    async def against(self, fleet: Fleet, infos: dict[str, VideoInfo], beside: Path) -> MethodResult:
        """Measure this method for the report in the folder `beside`, and write a report of its own below that."""
        options = self.options
        self.console.print(f"against {options.method}, {options.num_videos} at once, {options.num_frames} frames each")
        folder = beside / "against" / options.method
        result = await self._measure(fleet, self._fitting(infos), options.num_videos, False, folder)
        if self.stop.by:
            raise StoppedError(f"stopped by {self.stop.by}")
        page = self._write(result, folder)
        return as_method(result, page.relative_to(beside).as_posix())

    async def _measure(
        self, fleet: Fleet, infos: dict[str, VideoInfo], count: int, paced: bool, folder: Path
    ) -> BenchmarkResult:
        options = self.options
        (folder / "streams").mkdir(parents=True, exist_ok=True)
        result = BenchmarkResult(
            options={key: _plain(value) for key, value in vars(options).items() if key != "told"}
            | {"num_videos": count},
            config=self.config.model_dump(),
            host=describe_host(),
            paced=paced,
            told=options.told,
        )
        streams = []
        names = [f"stream{i}" for i in range(count)]
        weights = self._weights(folder, names)
        for i, name in enumerate(names):
            path = self.inputs[i % len(self.inputs)]
            if path in infos:
                streams.append(Stream(name, infos[path], options.model_name, weights[i % len(weights)]))
            else:
                reason = f"stream {name}: {self.refused[path]}"
                result.streams.append(StreamResult(name, path, status="refused", reason=reason))
        if self._encodes():
            await self.stop.unless(fleet.need("encoder", self.config.encoder.actors))
        plan = self._plan(paced, folder)
        with waiting(self.console, "warming up engines"):
            prepared = await self.stop.unless(fleet.manager.prepare(streams, plan))
        result.engines, result.decoders = dict(prepared.engines), dict(prepared.decoders)
        following = Following(fleet.manager, fleet.crew, kept_epochs=options.num_frames)
        usage = UsageSampler()
        usage.start()
        plan = replace(plan, began=time.time())
        with Progress(self.console) as progress:
            task = progress.add_task("frames written", total=len(streams) * options.num_frames)
            await following.add([Order(stream, plan) for stream in streams])
            progress.update(task, total=len(following.running) * options.num_frames)
            await self._follow(following, lambda _, frames: progress.advance(task, frames), folder / "streams")
        ended = time.time()
        result.usage = usage.stop(ended - plan.began)
        if not self.stop.by:
            await fleet.check()
        followed = list(following.streams.values())
        result.usage.stage_cpu_seconds = cpu_by_stage(followed)
        summarise(result, followed, fleet.losses, plan.began, ended)
        if plan.admission is not None:
            standings = [replace(one, seconds=one.seconds - plan.began) for one in following.standings]
            result.admission = AdmissionResult(plan.admission.mode, plan.admission.floor, standings)
        await following.drop([stream.name for stream in streams])
        await self.outputs.clear(folder, followed)
        result.streams.sort(key=lambda stream: names.index(stream.name))
        return result

    async def _follow(self, following: Following, progress: Told, folder: Path) -> None:
        """Follow streams until all have ended, and their files lie where they belong."""
        while True:
            ended = asyncio.ensure_future(following.until_ended(progress, self.stop.event))
            try:
                while not ended.done():
                    await asyncio.wait((ended,), timeout=_LOOK_SECONDS)
                    await self.outputs.collect(following, folder)
                ended.result()
            finally:
                ended.cancel()
            if not following.running:  # none has to be made again
                return

    def _encodes(self) -> bool:
        """Whether there is work for encoders."""
        return self.options.method != "neuroscaler" or self.config.encoder.anchors == "encoder"

    def _plan(self, paced: bool, folder: Path) -> Plan:
        options = self.options
        return Plan(
            uuid.uuid4().hex,
            options.method,
            self.policy,
            self.coding,
            options.num_frames,
            paced,
            self.outputs.written(folder / "streams"),
            time.time(),
            rate_of(options, self.coding),
            # Without pace streams wait for one another; the most that there can be, and what others take, is found out.
            self.config.admission if paced and not options.find_max and options.method == "neuroscaler" else None,
        )

    def _weights(self, folder: Path, names: list[str]) -> list[str | None]:
        """The weights files that the streams take in turn; None for the pretrained ones."""
        files = weights_of(self.options)
        if self.options.own_weights:
            shipped = load_weights(self.options.model_name, files[0])
            own = [folder / "weights" / f"{name}.pt" for name in names]
            for i, path in enumerate(own, start=1):
                save_weights(varied(shipped, i), path)
            files = [*own]
        return [str(path.resolve()) if path else None for path in files]

    def _new_run(self, infos: dict[str, VideoInfo], count: int) -> AbstractContextManager[Path]:
        """A folder of this run's own, below that of its size, model, streams and GPUs."""
        options = self.options
        height = next((info.height for info in infos.values()), options.resolution)
        instance = options.instance or self.config.instance
        model = model_folder(options.result_dir, instance, height, options.model_name)
        chosen = f"f{options.fraction:g}" if options.policy in _BY_FRACTION else options.policy
        words = [options.method] if chosen == options.method else [options.method, chosen]
        words.append(self.outputs.word())
        return new_run(runs_folder(model, count, options.num_gpus), of_inputs(self.inputs), *words)

    def _show(self, result: BenchmarkResult, folder: Path) -> None:
        try:
            with waiting(self.console, "writing the report"):
                path = self._write(result, folder)
            publish(folder)
            stored = self.outputs.publish(folder)
        finally:  # whatever becomes of the files, this is told
            for table in html.tables(result):
                self.console.print(table)
            if result.picture.quality is None:
                self.console.print(f"[bold]picture[/bold] {picture_line(result.picture)}")
        if stored:
            self.console.print(f"[bold]stored[/bold] {stored}")
        self.console.print(f"[bold]report[/bold] {path}")

    def _save(self, result: BenchmarkResult, folder: Path) -> None:
        write_record(folder / "benchmark.json", result.to_json())

    def _write(self, result: BenchmarkResult, folder: Path) -> Path:
        if self.stop.by:  # there is no time for more
            result.picture = PictureResult(note="the run was stopped")
        else:
            result.picture = self._picture(result, folder)
        self._save(result, folder)
        write_logs(result, folder)
        path = folder / "report.html"
        html.write_report(result, path)
        return path

    def _picture(self, result: BenchmarkResult, folder: Path) -> PictureResult:
        try:
            with self.outputs.seen(result.streams) as streams:
                seen = replace(result, streams=streams)
                return picture_of(seen, self.references, folder, despite(self.options))
        except StoreError as error:
            return PictureResult(note=str(error))


def coding_of(options: argparse.Namespace, config: Config) -> Coding:
    """How anchors are compressed, where they are images at all."""
    told = options.method == "neuroscaler" and options.policy in _BY_FRACTION
    usual = Coding.usual(
        options.anchor_codec or config.anchor_codec, options.fraction if told else METHODS["neuroscaler"][2]
    )
    told = options.anchor_kbps or options.anchor_share
    return usual._replace(quality=options.quality or (_HIGHEST if told else usual.quality))


def rate_of(options: argparse.Namespace, coding: Coding) -> Rate | None:
    """What anchors may take: as told, or where a quality was told instead, or the codec is the published one, anything.

    What is encoded anew is no anchor.
    """
    if options.anchor_kbps:
        return Rate(kbps=options.anchor_kbps)
    usual = 0.0 if options.quality else usual_share(coding.codec)
    share = usual if options.anchor_share is None else options.anchor_share
    return Rate(share=share) if share else None


def _policy(options: argparse.Namespace, config: Config) -> Policy:
    weighing = {name: getattr(options, name) for name in ("horizon", "normaliser", "ranked")}
    match options.policy:
        case "fraction":
            return Fraction(options.fraction, options.scope, **weighing)
        case "budget":
            return Budget(max(1, options.num_gpus), config.epoch_seconds * 1000, **weighing)
        case "uniform":
            return Uniform(options.fraction)
        case "uniform-coded":
            return Uniform(options.fraction, "coded")
        case "key":
            return Key()
        case _:
            return PerFrame()


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
