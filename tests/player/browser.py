"""Chromium without a window, and the pages that it loads."""

import json
import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from queue import Empty, Queue
from typing import Any, TypeAlias

from web import web

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",  # WebGL without a GPU
    "--enable-unsafe-swiftshader",
    "--max-active-webgl-contexts=64",  # of pages that are shown together; by default the first of 17 loses its own
)
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


Report = dict[str, Any]
Reports: TypeAlias = "Queue[tuple[str, Report]]"
"""What pages post to /report/NAME, by name."""


def framed(urls: Collection[str]) -> str:
    """A page that shows others, of its own origin."""
    return "\n".join(["<!DOCTYPE html>", *(f'<iframe src="{url}"></iframe>' for url in urls)])


class _Pages(SimpleHTTPRequestHandler):
    """Serves a folder, and takes the reports that pages post."""

    def __init__(self, *args: Any, reports: Reports, headers: dict[str, str], **named: Any) -> None:
        self._reports, self._headers = reports, headers
        super().__init__(*args, **named)

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._reports.put((self.path.removeprefix("/report/"), told))
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", "*")  # pages from disk are of no origin
        self.end_headers()

    def end_headers(self) -> None:
        for name, value in self._headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def pages(folder: Path, *, isolated: bool = True) -> Iterator[tuple[str, Reports]]:
    """A server of a folder: its address, and what pages report to it."""
    reports: Reports = Queue()
    handler = partial(_Pages, directory=str(folder), reports=reports, headers=ISOLATED if isolated else {})
    with web(handler) as url:
        yield url, reports


@contextmanager
def browsing(url: str, profile: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Chromium that shows a page; what it logs is written beside its profile."""
    assert CHROMIUM
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--enable-logging=stderr", url]
    with profile.with_suffix(".log").open("wb") as log:
        browser = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield browser
        finally:
            browser.terminate()
            browser.wait(20)


def reported(
    url: str, reports: Reports, names: Collection[str], profile: Path, seconds: float = 120
) -> dict[str, Report]:
    """What a page that Chromium loads reports under so many names."""
    told: dict[str, Report] = {}
    with browsing(url, profile):
        try:
            while not told.keys() >= set(names):
                name, report = reports.get(timeout=seconds)
                told[name] = report
        except Empty:
            missing = ", ".join(set(names) - told.keys())
            log = profile.with_suffix(".log").read_text(errors="replace")
            raise AssertionError(f"{url}: {missing} reported nothing:\n{log[-3000:]}") from None
    return told
