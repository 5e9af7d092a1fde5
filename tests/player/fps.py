"""Frames a second that the page makes of hybrid files, without waiting: fps.py FILE ... [--threads 1 2]."""

import argparse
import shutil
import tempfile
from pathlib import Path

from browser import pages, reported

from ns_ray.player.exported import PAGE


def main() -> None:
    """Play each file with each number of threads, in a Chromium of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        shutil.copytree(PAGE, site)
        for number, path in enumerate(options.files):
            (site / f"{number}.mkv").symlink_to(path.resolve())
        with pages(site) as (url, told):
            for number, path in enumerate(options.files):
                for threads in options.threads:
                    name, profile = f"{number}-{threads}", Path(folder) / f"profile{number}-{threads}"
                    asked = f"stream={number}.mkv&threads={threads}&digests=0&report=/report/{name}"
                    report = reported(f"{url}/index.html?{asked}", told, [name], profile, seconds=600)[name]
                    frames = report["frames"]
                    rebuilt = sum(frame["source"] != "lr" for frame in frames)
                    print(
                        f"{path.name}, {report['threads']} thread(s): {len(frames)} frames, {rebuilt} at HR, in "
                        f"{report['seconds']:.1f} s: {len(frames) / report['seconds']:.1f} frames/s{report['why']}"
                    )


if __name__ == "__main__":
    main()
