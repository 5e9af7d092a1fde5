from typing import Any

from typing_extensions import Buffer

BLOCK_SIZE: int
MACROBLOCK_SIZE: int
SLICE_SIZE: int

class Parser:
    def __init__(self, max_pixels: int) -> None: ...
    def configure(self, record: Buffer) -> None: ...
    def parse(self, packet: Buffer) -> list[dict[str, Any]]: ...
