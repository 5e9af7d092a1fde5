"""How busy a GPU is while something trains on it."""

import time
from typing import Any

import torch


class GpuLoad:
    """Samples a GPU's utilisation, as NVML gives it: the share of time in which any process ran a kernel."""

    INTERVAL_SECONDS = 1.0

    def __init__(self, device: str) -> None:
        """Takes cpu, cuda or cuda:<index>; without a GPU, or without `nvidia-ml-py`, nothing is sampled.

        `total` and `count` are what was sampled, in percent; they may be set to go on.
        """
        self._device = device if device.startswith("cuda") else None
        self.total, self.count = 0, 0
        self._due = 0.0

    def sample(self) -> None:
        """Takes a sample, if the last one is a second old; call it right after work on the GPU."""
        if self._device is None or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self.INTERVAL_SECONDS
        try:
            self.total += torch.cuda.utilization(self._device)
            self.count += 1
        except Exception:  # NVML's errors have no base of their own, and a figure less ends no training
            self._device = None

    def record(self, device: str) -> dict[str, Any]:
        """The GPU's name, mean utilisation in percent (None if unknown) and peak memory; empty on a CPU."""
        if not device.startswith("cuda"):
            return {}
        return {
            "name": torch.cuda.get_device_name(device),
            "utilisation_percent": round(self.total / self.count, 1) if self.count else None,
            "samples": self.count,
            "peak_memory_gb": round(torch.cuda.max_memory_allocated(device) / 1e9, 2),
        }
