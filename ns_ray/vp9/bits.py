"""Reading the uncompressed header bit by bit (VP9 bitstream specification, section 4.10)."""

from ns_ray.errors import BitstreamError

LONGEST_HEADER = 256  # bytes; with every optional field present a header takes fewer than 200


class BitReader:
    """Reads unsigned and signed fields, most significant bit first."""

    __slots__ = ("_left", "_value", "size")

    def __init__(self, data: bytes | memoryview) -> None:
        head = data[:LONGEST_HEADER]
        self._value = int.from_bytes(head, "big")
        self.size = len(head) * 8
        self._left = self.size

    @property
    def position(self) -> int:
        """Bits read so far."""
        return self.size - self._left

    def f(self, bits: int) -> int:
        """Read an unsigned field of `bits` bits; raises BitstreamError at the end of the data."""
        self._left -= bits
        if self._left < 0:
            raise BitstreamError("the frame ends inside its uncompressed header")
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        return self.f(1) == 1

    def su(self, bits: int) -> int:
        """Read a magnitude of `bits` bits followed by its sign."""
        value = self.f(bits)
        return -value if self.f(1) else value
