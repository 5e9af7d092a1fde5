"""Source videos as they lie in `dataset/raw`: a file that is known to be whole, and a record of where it came from."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av.error

from ns_ray.errors import MediaError
from ns_ray.video.probe import VideoInfo, open_input, probe, video_of
from ns_ray.video.whole import Reading
from ns_ray.whole_file import read_record, write_record

_OTHERS = {".json", ".part"}


@dataclass(frozen=True, slots=True)
class RawVideo:
    """A whole source: what it is, bytes, seconds of its video, and where it came from (empty where nobody knows)."""

    info: VideoInfo
    bytes: int
    seconds: float
    source: str

    @property
    def path(self) -> Path:
        """Its file."""
        return Path(self.info.path)


def raw_path(folder: Path, name: str) -> Path | None:
    """The file called `name` with any ending; raises MediaError where there are several."""
    found = sorted(path for path in folder.glob(f"{name}.*") if path.suffix not in _OTHERS and path.is_file())
    if len(found) > 1:
        raise MediaError(f"{folder}: {found[0].name} and {found[1].name} are both called {name}; remove one")
    return found[0] if found else None


def find_raw(folder: Path, name: str) -> RawVideo | None:
    """The video called `name`, verified; None where there is none.

    A file with a record has to have the recorded length. One without is read from end to end once.

    Raises:
        MediaError: it is not whole, or no video.
    """
    path = raw_path(folder, name)
    if path is None:
        return None
    record = read_record(_record(path))
    if record is None:
        return keep_record(path, "")
    size = path.stat().st_size
    if size != record.get("bytes"):
        raise MediaError(f"{path}: it has {size} bytes instead of {record.get('bytes')}; remove it and get it again")
    return RawVideo(probe(str(path)), size, float(record["seconds"]), str(record["source"]))


def keep_record(path: Path, source: str) -> RawVideo:
    """Read a video from end to end and leave a record beside it; raises MediaError if it is not whole."""
    raw = measure(path, source)
    info = raw.info
    write_record(
        _record(path),
        {
            "source": source,
            "bytes": raw.bytes,
            "seconds": raw.seconds,
            "size": [info.width, info.height],
            "frame_rate": str(info.frame_rate),
            "codec": info.codec,
        },
    )
    return raw


def forget(path: Path) -> None:
    """Remove a video's record, before the video itself changes."""
    _record(path).unlink(missing_ok=True)


def measure(path: Path, source: str = "") -> RawVideo:
    """Read a video's packets from end to end, without decoding.

    Raises:
        MediaError: it is no video, or ends before its header says.
    """
    info = probe(str(path))
    end = Fraction(0)
    frames = 0
    with open_input(str(path)) as container:
        video = video_of(container, str(path))
        begin = Fraction(video.start_time or 0) * info.time_base
        reading = Reading(container, video, len(container.streams))
        try:
            for packet in container.demux():
                if not packet.size:
                    continue
                if packet.is_corrupt:
                    raise MediaError(f"{path}: a packet near {float(end):.1f} s is damaged; get the file again")
                reading.add(packet)
                if packet.stream_index == video.index:
                    frames += 1
                    if packet.pts is not None:
                        end = max(end, (packet.pts + (packet.duration or 0)) * info.time_base - begin)
        except av.error.FFmpegError as error:
            raise MediaError(f"{path}: it cannot be read beyond {float(end):.1f} s ({error}); get it again") from error
    if not frames:
        raise MediaError(f"{path}: it holds no frame; get the file again")
    if missing := reading.missing(info.frame_rate):
        raise MediaError(f"{path}: it ends {missing}; it is truncated, get the whole one")
    return RawVideo(info, path.stat().st_size, float(end), source)


def _record(path: Path) -> Path:
    return path.with_suffix(".json")
