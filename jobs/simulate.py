"""Simulate selection for very many streams, without Ray, video or GPUs: what it costs, and where one scheduler ends.

    python jobs/simulate.py [--streams 10000] [--gpus 500] [--host-streams 64] [--slots 6] [--cells 2 4 16 64]

Streams are made up, with realistic frame sizes; what hosts do side by side is done one host after the other. Measured:
the time of ranking and settling a host's streams, and of merging at the scheduler, unpickling and pickling included;
what crosses processes; how many streams one scheduler can merge in a stated share of the slot, and how many if
regions stand between, each of which joins its hosts' offers to one; what is lost if streams are split into cells, each
with a scheduler of its own. Times are CPU times of one core, whatever else is running. Writes simulate.json, and a plot
beside it, to RESULT_DIR.
"""

import argparse
import math
import os
import pickle
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.table import Table

from ns_ray.anchors.award import Award, award, dealt_out
from ns_ray.anchors.epoch import StreamState
from ns_ray.anchors.made_up import MadeUpStream
from ns_ray.anchors.offer import Offer, joined
from ns_ray.anchors.policies import Fraction
from ns_ray.anchors.ranking import offer
from ns_ray.anchors.settle import settle
from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.jobs.cli.progress import Progress
from ns_ray.whole_file import write_record

FRAMES_PER_SECOND = 60
MOST_STREAMS = 2_000_000
OPTIONS = ("streams", "gpus", "host_streams", "fraction", "share", "call_ms", "region_hosts")
"""Those that are written with the figures."""
WARM_UP = 1
"""Slots that are not measured: nothing is remembered of the streams yet."""

Result = TypeVar("Result")
Sent = tuple[bytes, list[pickle.PickleBuffer]]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("--streams", type=values.count, default=10_000, metavar="N", help="streams")
    add("--gpus", type=values.count, default=500, metavar="N", help="GPUs, an enhancer each")
    add("--host-streams", type=values.count, default=64, metavar="N", help="streams a host")
    add("--slots", type=values.count, default=6, metavar="N", help=f"slots to measure, after {WARM_UP} to warm up")
    add("-f", "--fraction", type=values.fraction, default=0.075, metavar="X", help="anchors a shown frame")
    add("--share", type=values.share, default=0.25, metavar="X", help="of a slot that one scheduler may take")
    add(
        "--call-ms",
        type=values.not_negative,
        default=1.1,
        metavar="MS",
        help="CPU time of a Ray call in the process called",
    )
    add("--region-hosts", type=values.count, default=100, metavar="N", help="hosts whose offers a region joins")
    add(
        "--cells",
        type=values.count,
        nargs="+",
        default=[2, 4, 16, 64],
        metavar="N",
        help="independent parts to compare",
    )
    add("--json", type=Path, metavar="OUT", help="the figures; default: simulate.json in --result-dir")
    options = parser.parse_args(argv)
    options.json = options.json or options.result_dir / "simulate.json"
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Simulate, measure, show, write.

    Raises:
        ConfigError: a setting is wrong.
        FileError: the figures cannot be written.
    """
    checks = Checks()
    config = checks.settings(options)
    checks.file(options.json, "--json")
    checks(require_other_output, options, "json")
    checks.done()
    console = entry.console()
    fleet = Fleet(options, config)
    with Progress(console) as bar:
        slots = [fleet.slot(number) for number in bar.track(range(WARM_UP + options.slots), description="slots")]
    slot_seconds = float(config.slot)
    growth = grow(fleet.offers, fleet.policy, slot_seconds, options)
    result = {
        "machine": {"platform": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count()},
        "slot_seconds": slot_seconds,
        **{key: getattr(options, key) for key in OPTIONS},
        "hosts": len(fleet.hosts),
        **summary(slots[WARM_UP:]),
        "calls": calls(len(fleet.hosts), options, slot_seconds),
        "growth": growth,
        "most_streams": {key: most_streams(growth, key, options.share, slot_seconds) for key in SCHEDULERS},
        "cells": cells(fleet, options.cells),
    }
    for table in tables(result):
        console.print(table)
    write_record(options.json, result)
    from ns_ray.report.scale_plot import draw  # Matplotlib takes seconds

    picture = options.json.with_suffix(".png")
    draw(result, picture)
    console.print(f"{options.json} and {picture.name} written")


@dataclass(frozen=True, slots=True)
class Slot:
    """What one slot took: milliseconds of each host, and of the scheduler; bytes of each message."""

    offer_ms: list[float]
    settle_ms: list[float]
    merge_ms: float
    offer_bytes: list[int]
    award_bytes: list[int]


class Fleet:
    """Hosts with their streams, and what they remember.

    Attributes:
        hosts: the streams of each.
        policy: what all choose by.
        offers: the last slot's.
    """

    def __init__(self, options: argparse.Namespace, config: Config) -> None:
        frames, gop = round(config.slot * FRAMES_PER_SECOND), config.gop_frames or 120
        streams = [MadeUpStream(number, frames=frames, gop=gop) for number in range(options.streams)]
        self.hosts = dealt(streams, options.host_streams)
        self.policy = Fraction(options.fraction)
        self.offers: list[Offer] = []
        self._states: dict[str, StreamState] = {}
        self._load, self._next = 0.0, 0

    def slot(self, number: int) -> Slot:
        """Choose the anchors of one slot."""
        rankings, sent, awards = [], [], list[Award]()
        offer_ms, settle_ms = [], []
        for streams in self.hosts:
            epochs = [stream.epoch(number) for stream in streams]
            states = {stream.name: self._states[stream.name] for stream in streams if stream.name in self._states}
            (ranking, offered), took = timed(partial(offer, epochs, states, self.policy, self._load))
            rankings.append(ranking)
            sent.append(send(offered))
            offer_ms.append(took)
        replies, merge_ms = timed(partial(merge, sent, self.policy))
        self.offers = [receive(one) for one in sent]
        for ranking, reply in zip(rankings, replies, strict=True):
            awarded: Award = receive(reply)
            awards.append(awarded)
            choices, took = timed(partial(settle, ranking, awarded))
            self._states.update((name, choice.state) for name, choice in choices.items())
            settle_ms.append(took)
        self._load, self._next = awards[0].load, number + 1
        return Slot(offer_ms, settle_ms, merge_ms, [size(one) for one in sent], [size(one) for one in replies])

    def alike_together(self) -> list[Offer]:
        """Offers for the next slot by hosts that have the calmest streams, up to one that has the most bursty."""
        streams = sorted((stream for host in self.hosts for stream in host), key=lambda stream: stream.burstiness)
        hosts = dealt(streams, len(self.hosts[0]))
        return [
            offer([one.epoch(self._next) for one in host], self._states, self.policy, self._load)[1] for host in hosts
        ]


def dealt(streams: Sequence[MadeUpStream], each: int) -> list[Sequence[MadeUpStream]]:
    """So many streams to each host, in their order."""
    return [streams[first : first + each] for first in range(0, len(streams), each)]


def send(message: Offer | Award) -> Sent:
    """As Ray sends it: arrays out of band, where they are not copied on arrival."""
    buffers: list[pickle.PickleBuffer] = []
    return pickle.dumps(message, protocol=5, buffer_callback=buffers.append), buffers


def receive(sent: Sent) -> Any:
    """What was sent."""
    return pickle.loads(sent[0], buffers=sent[1])


def size(sent: Sent) -> int:
    """Its bytes."""
    return len(sent[0]) + sum(buffer.raw().nbytes for buffer in sent[1])


def merge(sent: Sequence[Sent], policy: Fraction) -> list[Sent]:
    """All that the scheduler does in a slot, but for Ray's own work."""
    return [send(one) for one in award([receive(one) for one in sent], policy)]


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What it returns, and the CPU milliseconds it took."""
    start = time.process_time()
    result = work()
    return result, (time.process_time() - start) * 1000


def summary(slots: Sequence[Slot]) -> dict[str, Any]:
    """Figures over all slots and hosts: median, smallest and largest milliseconds; mean bytes of a message."""
    both = [a + b for slot in slots for a, b in zip(slot.offer_ms, slot.settle_ms, strict=True)]
    times = {
        "offer_ms": [took for slot in slots for took in slot.offer_ms],
        "settle_ms": [took for slot in slots for took in slot.settle_ms],
        "host_ms": both,
        "merge_ms": [slot.merge_ms for slot in slots],
    }
    return {name: [statistics.median(took), min(took), max(took)] for name, took in times.items()} | {
        "offer_bytes": statistics.mean(count for slot in slots for count in slot.offer_bytes),
        "award_bytes": statistics.mean(count for slot in slots for count in slot.award_bytes),
    }


def calls(hosts: int, options: argparse.Namespace, slot_seconds: float) -> dict[str, float]:
    """Calls a second in the whole system, by kind, as in `CALLS`; a host's anchors go to as few enhancers as can."""
    enhancers = min(options.gpus, math.ceil(options.host_streams * options.gpus / options.streams))
    a_slot = {"award": hosts, "decode": hosts, "enhance": hosts * enhancers}
    return {kind: count / slot_seconds for kind, count in a_slot.items()} | {"enhancers_a_host": enhancers}


CALLS = {
    "award": "hosts / slot: its offer, answered by its award",
    "decode": "hosts / slot: its streams' packets, answered by LR anchors' references",
    "enhance": "hosts x enhancers a host / slot, with ceil(host's streams / streams a GPU) enhancers a host",
}
SCHEDULERS = {
    "merge_ms": "one scheduler, without Ray's calls",
    "with_calls_ms": "one scheduler",
    "top_ms": "one scheduler above regions",
}


def grow(
    offers: Sequence[Offer], policy: Fraction, slot_seconds: float, options: argparse.Namespace
) -> list[dict[str, float]]:
    """A scheduler's time a slot for more and more streams, doubled until every way takes more than its share.

    The streams that are added are copies of those there are, under other names and with other gains.
    """
    growth: list[dict[str, float]] = []
    limit, copies = 1000 * slot_seconds * options.share, 1
    while not growth or (
        min(growth[-1][way] for way in SCHEDULERS) < limit and growth[-1]["streams"] * 2 <= MOST_STREAMS
    ):
        sent = [send(changed(one, copy)) for copy in range(copies) for one in offers]
        regions = [sent[first : first + options.region_hosts] for first in range(0, len(sent), options.region_hosts)]
        joins = [middle(partial(join, region)) for region in regions]
        upwards = [join(region) for region in regions]
        wholes = merge(upwards, policy)
        known = [[receive(one) for one in region] for region in regions]
        deals = [middle(partial(deal, whole, its)) for whole, its in zip(wholes, known, strict=True)]
        merge_ms = middle(partial(merge, sent, policy))
        growth.append(
            {
                "streams": copies * options.streams,
                "hosts": len(sent),
                "merge_ms": merge_ms,
                "with_calls_ms": merge_ms + len(sent) * options.call_ms,
                "regions": len(regions),
                "region_ms": max(map(sum, zip(joins, deals, strict=True))) + len(regions[0]) * options.call_ms,
                "top_ms": middle(partial(merge, upwards, policy)) + len(regions) * options.call_ms,
            }
        )
        copies *= 2
    return growth


def middle(work: Callable[[], object]) -> float:
    """The median milliseconds of three runs."""
    return statistics.median(timed(work)[1] for _ in range(3))


def join(region: Sequence[Sent]) -> Sent:
    """What a region sends on of its hosts' offers."""
    return send(joined([receive(one) for one in region]))


def deal(whole: Sent, region: Sequence[Offer]) -> list[Sent]:
    """What a region answers its hosts."""
    return [send(one) for one in dealt_out(receive(whole), region)]


def changed(one: Offer, copy: int) -> Offer:
    """An offer of as many other streams."""
    return replace(one, names=tuple(f"{name}+{copy}" for name in one.names), gains=one.gains * (1 + copy / 1e6))


def most_streams(growth: Sequence[dict[str, float]], key: str, share: float, slot_seconds: float) -> int | None:
    """Streams at which it takes its share of a slot, between measurements along a line; None where it never does."""
    limit = 1000 * slot_seconds * share
    if growth[-1][key] < limit:
        return None
    times, streams = ([0.0, *(one[name] for one in growth)] for name in (key, "streams"))
    return int(np.interp(limit, times, streams))


def cells(fleet: Fleet, numbers: Sequence[int]) -> list[dict[str, float]]:
    """What is lost if hosts are split into cells that each choose on their own.

    Once with streams on hosts as they come, and once with streams that are alike on the same host, which is the worst:
    then some cells have far more to gain than others, and may not have it.

    Returns:
        For each number of cells and both ways the share of the chosen gains that is lost (below 0 where cells without
        KEY and hidden frames to take first have more left for others), and of the anchors that other streams get.
    """
    ways = {"mixed": fleet.offers, "alike": fleet.alike_together()}
    whole = {way: award(offers, fleet.policy) for way, offers in ways.items()}
    made = []
    for number in numbers:
        row: dict[str, float] = {"cells": number}
        for way, offers in ways.items():
            bounds = np.linspace(0, len(offers), min(number, len(offers)) + 1).round().astype(int).tolist()
            split = [one for first, end in pairwise(bounds) for one in award(offers[first:end], fleet.policy)]
            gain, count = gained(offers, whole[way]), sum(int(one.taken.sum()) for one in whole[way])
            moved = sum(int(abs(a.taken - b.taken).sum()) for a, b in zip(whole[way], split, strict=True)) / 2
            row |= {f"{way}_lost": 1 - gained(offers, split) / (gain or 1), f"{way}_moved": moved / max(count, 1)}
        made.append(row)
    return made


def gained(offers: Sequence[Offer], awards: Sequence[Award]) -> float:
    """The sum of the gains of all anchors."""
    return math.fsum(
        one.gains[one.places() < np.repeat(given.taken, one.counts)].sum()
        for one, given in zip(offers, awards, strict=True)
    )


def tables(result: dict[str, Any]) -> list[Table]:
    """The figures, for people."""
    slot, hosts = result["slot_seconds"], result["hosts"]
    limit = 1000 * slot * result["share"]
    title = f"{result['streams']} streams, {result['gpus']} GPUs, {hosts} hosts, slots of {1000 * slot:.0f} ms"
    times = Table("a slot's work", "where", "CPU ms: median (least to most)", "of the slot", title=title)
    for key, what, where in (
        ("offer_ms", "rank its streams", "each host"),
        ("settle_ms", "settle them", "each host"),
        ("host_ms", "both", "each host"),
        ("merge_ms", "merge all offers", "the scheduler"),
    ):
        median, least, most = result[key]
        times.add_row(what, where, f"{median:.2f} ({least:.2f} to {most:.2f})", f"{median / (1000 * slot):.2%}")
    traffic = Table("at the scheduler", "a message, bytes", "messages a second", "MB a second")
    for what, key in (("offers", "offer_bytes"), ("awards", "award_bytes")):
        rate = hosts / slot
        traffic.add_row(what, f"{result[key]:.0f}", f"{rate:.0f}", f"{result[key] * rate / 1e6:.2f}")
    called = Table("calls", "a second", "how many", title="in the whole system")
    for kind, formula in CALLS.items():
        called.add_row(kind, f"{result['calls'][kind]:.0f}", formula)
    called.add_row("all", f"{sum(result['calls'][kind] for kind in CALLS):.0f}")
    columns = ("one scheduler merges, ms", "and Ray's calls, ms", "regions", "each, ms", "the one above, ms")
    growth = Table("streams", "hosts", *columns, title=f"a slot's work; {result['share']:.0%} of it: {limit:.0f} ms")
    for one in result["growth"]:
        below = (f"{one['merge_ms']:.1f}", f"{one['with_calls_ms']:.1f}")
        above = (str(one["regions"]), f"{one['region_ms']:.1f}", f"{one['top_ms']:.1f}")
        growth.add_row(str(one["streams"]), str(one["hosts"]), *below, *above)
    ends = Table("who merges", f"streams at {result['share']:.0%} of a slot")
    for key, what in SCHEDULERS.items():
        most = result["most_streams"][key]
        ends.add_row(what, str(most) if most else f"more than {result['growth'][-1]['streams']}")
    pairs = ("gain lost", "anchors moved", "alike together: gain lost", "anchors moved")
    split = Table("cells", *pairs, title="against one global greedy")
    for row in result["cells"]:
        lost = (f"{row[key]:.3%}" for key in ("mixed_lost", "mixed_moved", "alike_lost", "alike_moved"))
        split.add_row(str(row["cells"]), *lost)
    return [times, traffic, called, growth, ends, split]


if __name__ == "__main__":
    sys.exit(main())
