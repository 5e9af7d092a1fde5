"""What is shown, and recorded, of a fleet at work."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.table import Table

from ns_ray.actors.reports import HostView
from ns_ray.actors.watching import FleetView
from ns_ray.report.lateness import busy_share, causes
from ns_ray.report.results import EpochResult, Span, Standing

_STAGES = {"decoder": "decode", "enhancer": "inference", "encoder": "encode"}
_QUEUES = ("decode", "inference", "write")


def record(view: FleetView) -> dict[str, Any]:
    """A fleet as numbers.

    Returns:
        `streams`, `hosts` and `workers`, a list each; latencies in seconds, `why` as `ns_ray.report.lateness.causes`,
        `busy` a share of the time; `standing` as `ns_ray.report.results.Standing`, None where nobody tells.
    """
    found: dict[str, Any] = {"fleet": view.name, "streams": list(_streams(view)), "hosts": list(_hosts(view))}
    return found | {"workers": _workers(view), "standing": asdict(view.standing) if view.standing else None}


def tables(view: FleetView) -> list[Table]:
    """A fleet as tables: streams (those first that are late most), hosts, all other actors, what is asked of them."""
    found = record(view)
    streams = Table("stream", "host", "state", "epochs", "late", "dropped", "p50, s", "most, s", "why", title="streams")
    for one in sorted(found["streams"], key=lambda one: (-one["late"], -one["latency_most"], one["stream"])):
        why = ", ".join(f"{cause} ({count})" for cause, count in one["why"].items())
        latency = (f"{one['latency_p50']:.2f}", f"{one['latency_most']:.2f}") if one["epochs"] else ("", "")
        counts = map(str, (one["epochs"], one["late"], one["dropped"]))
        streams.add_row(
            one["stream"], one["host"], one["state"], *counts, *latency, why, style="red" if one["late"] else ""
        )
    hosts = Table("host", "streams", "in work", *(f"waits: {of}" for of in _QUEUES), "late", title="hosts")
    for one in found["hosts"]:
        if not one["answers"]:
            hosts.add_row(one["host"], "does not answer", style="red")
            continue
        waits = (f"{one['waits'][of]:g}" for of in _QUEUES)
        hosts.add_row(
            one["host"], f"{one['running']:g}", f"{one['in_work']:g}", *waits, f"{one['late']} of {one['epochs']}"
        )
    workers = Table("actor", "streams", "busy", "at work on", "for, s", title="actors")
    for one in found["workers"]:
        busy = "" if one["busy"] is None else f"{one['busy']:.0%}"
        call = (one["call"], f"{one['call_seconds']:.1f}") if one["call"] else ("", "")
        if not one["answers"]:
            call = ("does not answer", "")
        workers.add_row(one["actor"], str(one["streams"] or ""), busy, *call, style="" if one["answers"] else "red")
    return [streams, hosts, workers, *_standing(view.standing)]


def _standing(standing: Standing | None) -> Iterator[Table]:
    """What streams that come in real time ask for, where there are any."""
    if standing is None or not standing.streams:
        return
    table = Table("streams", "anchors/s asked", "counted on", "fractions", "decoder busy", "refused", title="admission")
    decoding = f"{standing.decoding:.0%}" if standing.decoding else ""
    figures = (f"{standing.asked:.1f}", f"{standing.capacity:.1f}", f"{standing.factor:.0%}", decoding)
    style = "red" if standing.factor < 1 or standing.refused else ""
    table.add_row(str(standing.streams), *figures, str(standing.refused), style=style)
    yield table


def _there(view: FleetView) -> Iterator[tuple[str, HostView]]:
    return ((name, host) for name, host in view.hosts.items() if host is not None)


def _streams(view: FleetView) -> Iterator[dict[str, Any]]:
    for name, host in _there(view):
        epochs = defaultdict[str, list[EpochResult]](list)
        for epoch in host.epochs:
            epochs[epoch.stream].append(epoch)
        for stream in host.streams:
            its = epochs[stream.name]
            latencies = [epoch.latency for epoch in its]
            yield {
                "stream": stream.name,
                "host": name,
                "state": stream.state,
                "reason": stream.reason,
                "epochs": len(its),
                "late": sum(epoch.late for epoch in its),
                "dropped": sum(epoch.dropped for epoch in its),
                "latency_p50": median(latencies) if its else 0.0,
                "latency_most": max(latencies, default=0.0),
                "why": causes(its),
            }


def _hosts(view: FleetView) -> Iterator[dict[str, Any]]:
    for name, host in view.hosts.items():
        if host is None:
            yield {"host": name, "answers": False}
            continue
        yield {
            "host": name,
            "answers": True,
            "running": host.levels["sessions", ""],
            "in_work": host.levels["epochs_in_work", ""],
            "waits": {stage: host.levels["requests_waiting", stage] for stage in _QUEUES},
            "epochs": len(host.epochs),
            "late": sum(epoch.late for epoch in host.epochs),
        }


def _workers(view: FleetView) -> list[dict[str, Any]]:
    spans = defaultdict[str, list[Span]](list)
    streams = defaultdict[str, set[str]](set)
    for _, host in _there(view):
        running = {stream.name for stream in host.streams if stream.state == "running"}
        for name, placement in host.placements.items():
            for worker in filter(None, (placement.decoder, placement.enhancer, placement.encoder)):
                streams[worker] |= {name} & running
        for epoch in host.epochs:
            if epoch.stream not in host.placements:
                continue
            its = host.placements[epoch.stream]
            for worker, stage in zip((its.decoder, its.enhancer, its.encoder), _STAGES.values(), strict=True):
                spans[worker] += [span for span in epoch.spans if span.stage == stage]
    everything = [span for its in spans.values() for span in its]
    begin, end = min((s.start for s in everything), default=0.0), max((s.end for s in everything), default=0.0)
    rows = []
    for name, pulse in view.actors.items():
        works = name.rpartition("-")[0] in _STAGES
        oldest = pulse.oldest if pulse else None
        rows.append(
            {
                "actor": name,
                "answers": pulse is not None,
                "streams": len(streams[name]),
                "busy": busy_share(spans[name], begin, end) if works else None,
                "call": oldest.method if oldest else "",
                "call_seconds": oldest.seconds if oldest else 0.0,
            }
        )
    return rows
