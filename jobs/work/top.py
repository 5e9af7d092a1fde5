"""What runs on a Ray, shown."""

import argparse
import asyncio
import logging
from contextlib import suppress

import ray
from rich.console import Group
from rich.live import Live

from ns_ray.actors.watching import Watching, fleets
from ns_ray.errors import ActorLostError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.fleet_tables import record, tables
from ns_ray.whole_file import write_record


def show(options: argparse.Namespace) -> None:
    """Show it once, or until Ctrl-C.

    Raises:
        ActorLostError: there is no Ray, or no fleet on it.
    """
    try:
        ray.init(options.address or "auto", log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        where = options.address or "this machine"
        raise ActorLostError(f"no Ray can be joined on {where}: {error}; name one by --address HOST:PORT") from None
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_show(options))
    finally:
        ray.shutdown()


async def _show(options: argparse.Namespace) -> None:
    console = entry.console()
    watched = {name: Watching(name) for name in fleets()}
    if not watched:
        raise ActorLostError("nothing of ours runs on this Ray: start a job such as jobs/benchmark.py")
    with Live(console=console, auto_refresh=False, screen=not options.once, transient=options.once) as live:
        while watched:
            views = await asyncio.gather(*(one.look(options.seconds) for one in watched.values()))
            if options.json is not None:
                write_record(options.json, {"fleets": [record(view) for view in views]})
            shown = [table for view in views for table in tables(view)]
            if options.once:
                break
            live.update(Group(*shown), refresh=True)
            await asyncio.sleep(options.every)
            now = await asyncio.to_thread(fleets)
            watched = {name: watched.get(name) or Watching(name) for name in now}
    for table in shown:
        console.print(table)
