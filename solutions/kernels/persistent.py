"""Persistent kernels: as many programs as there are multiprocessors, each taking tile after tile."""

import torch


def programs(tiles: int, x: torch.Tensor) -> int:
    """How many programs to launch where x lives: not more than there are tiles."""
    if x.device.type != "cuda":
        return min(tiles, 4)  # Triton's interpreter: enough for a program to have several tiles
    return min(tiles, torch.cuda.get_device_properties(x.device).multi_processor_count)
