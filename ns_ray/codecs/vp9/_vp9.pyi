from typing import Any

from typing_extensions import Buffer

BLOCK_SIZE: int
TILE_SIZE: int
MAX_PIXELS: int

class ColorConfig:
    bit_depth: int
    color_space: int
    full_range: bool
    subsampling_x: int
    subsampling_y: int
    format: tuple[int, int, int]

class Segmentation:
    enabled: bool
    update_map: bool
    temporal_update: bool
    tree_probs: list[int]
    pred_probs: list[int]
    absolute: bool
    features: list[list[int | None]]

class FrameHeader:
    profile: int
    show: bool
    show_existing: int | None
    key: bool
    intra_only: bool
    intra: bool
    independent: bool
    error_resilient: bool
    reset_context: int
    color: ColorConfig
    width: int
    height: int
    render_width: int
    render_height: int
    refreshed: int
    needed: int
    ref_slots: list[int]
    sign_bias: list[bool]
    high_precision: bool
    interpolation: int
    refresh_context: bool
    parallel: bool
    context: int
    loop_filter_level: int
    loop_filter_sharpness: int
    ref_deltas: list[int]
    mode_deltas: list[int]
    base_qindex: int
    qindex_deltas: list[int]
    lossless: bool
    segmentation: Segmentation
    tile_columns: int
    tile_rows: int
    header_bytes: int
    compressed_header_bytes: int

class HeaderParser:
    def __init__(self, max_pixels: int = ...) -> None: ...
    def parse(self, frame: Buffer) -> FrameHeader: ...

class Parser:
    def __init__(self, max_pixels: int) -> None: ...
    def parse(self, frame: Buffer, alone: bool) -> dict[str, Any]: ...

class FrameFinder:
    def __init__(self, max_pixels: int) -> None: ...
    def follow(self, frame: Buffer) -> None: ...
    def find(self, packet: Buffer) -> list[int]: ...

class RecordReader:
    def __init__(self, max_pixels: int) -> None: ...
    def read(self, frames: list[memoryview]) -> list[tuple[int, int, int, bool, int, bool, int, int, bool]]: ...
    def restart(self) -> None: ...
