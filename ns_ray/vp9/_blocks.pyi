from typing import Any

from typing_extensions import Buffer

BLOCK_SIZE: int
TILE_SIZE: int

class Parser:
    def __init__(self, max_pixels: int) -> None: ...
    def parse(self, frame: Buffer) -> dict[str, Any]: ...
