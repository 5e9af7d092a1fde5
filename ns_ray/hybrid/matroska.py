"""The little of Matroska that is needed to find where a file's clusters begin (RFC 8794, RFC 9559)."""

from ns_ray.errors import HybridError

SEGMENT = 0x18538067
CLUSTER = 0x1F43B675


def first_cluster(data: bytes) -> int:
    """Offset of the first cluster: what lies before it is the header, what follows are clusters.

    Raises:
        HybridError: there is no cluster, or the data is no Matroska.
    """
    at = 0
    while at < len(data):
        name, size_at = _number(data, at, keep_marker=True)
        size, body = _number(data, size_at, keep_marker=False)
        if name == CLUSTER:
            return at
        at = body if name == SEGMENT else body + size
    raise HybridError("no cluster was found in Matroska data")


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length()
    if length > 8 or at + length > len(data):
        raise HybridError("Matroska data is damaged")
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length
