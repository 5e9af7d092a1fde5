"""Chromium without a window, and the pages that it loads."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-angle=swiftshader --enable-unsafe-swiftshader"
).split()
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class _Pages(SimpleHTTPRequestHandler):
    """Serves a folder, and takes the reports that pages post."""

    def __init__(self, *args: Any, reports: "Queue[dict[str, Any]]", headers: dict[str, str], **named: Any) -> None:
        self._reports, self._headers = reports, headers
        super().__init__(*args, **named)

    def do_POST(self) -> None:
        self._reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def end_headers(self) -> None:
        for name, value in self._headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def pages(folder: Path, *, isolated: bool = True) -> Iterator[tuple[str, "Queue[dict[str, Any]]"]]:
    """A server of a folder: its address, and what pages report to it."""
    reports: Queue[dict[str, Any]] = Queue()
    handler = partial(_Pages, directory=str(folder), reports=reports, headers=ISOLATED if isolated else {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", reports
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reported(url: str, reports: "Queue[dict[str, Any]]", profile: Path, seconds: float = 90) -> dict[str, Any]:
    """What a page reports that Chromium loads."""
    assert CHROMIUM
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--enable-logging=stderr", url]
    with (profile.with_suffix(".log")).open("wb") as log:
        browser = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            return reports.get(timeout=seconds)
        except Empty:
            said = profile.with_suffix(".log").read_text(errors="replace")
            raise AssertionError(f"{url} reported nothing:\n{said[-3000:]}") from None
        finally:
            browser.terminate()
            browser.wait(20)
