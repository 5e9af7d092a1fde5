from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

BLOCK_SIZE: int
MACROBLOCK_SIZE: int
SLICE_SIZE: int

def look(packet: Buffer, length_size: int) -> tuple[bool, bool, bool]: ...

class ParsedFrame:
    def motion_field(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...

class Parser:
    def __init__(self, max_pixels: int) -> None: ...
    def configure(self, record: Buffer) -> None: ...
    def parse(self, packet: Buffer) -> list[dict[str, Any]]: ...
