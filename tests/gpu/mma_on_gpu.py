"""What a GPU's tensor cores make of random tiles: `python tests/gpu/mma_on_gpu.py OUT.npz` writes inputs and results.

tests/test_vgpu_mma.py compares the emulated tensor cores with the recorded file, bit for bit.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
import ml_dtypes
import numpy as np
import torch
from test_vgpu_mma import FORMS, KINDS, raw, source

from utils.vgpu import run_on_gpu

TILES = 4


def values(rng: np.random.Generator, kind: str, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Numbers of about 1, of mixed size, near the format's smallest or largest, or with Inf and NaN among them."""
    if kind in ("s8", "u8", "s32"):
        info = np.iinfo(KINDS[kind])
        return rng.integers(info.min, info.max, shape, endpoint=True).astype(KINDS[kind])
    info = ml_dtypes.finfo(KINDS[kind])
    low, high = (int(np.log2(float(one))) for one in (info.smallest_normal, info.max))
    power = {"mixed": rng.integers(-6, 7, shape), "tiny": low + rng.integers(-3, 3, shape),
             "huge": high - rng.integers(0, 9, shape)}.get(what, 0)  # fmt: skip
    with np.errstate(over="ignore"):
        drawn = (rng.standard_normal(shape) * 2.0**power).astype(KINDS[kind])
    if what == "huge":
        drawn = np.where(np.isfinite(drawn.astype(np.float32)), drawn, np.ones((), KINDS[kind]))
    if what == "special":
        drawn.reshape(-1)[:: max(drawn.size // 40, 1)] = np.nan
        if np.isinf(np.array(np.inf, np.float32).astype(KINDS[kind]).astype(np.float32)):
            drawn.reshape(-1)[1 :: max(drawn.size // 60, 1)] = rng.choice([np.inf, -np.inf])
    return drawn


CASES = (("one", "one"), ("mixed", "mixed"), ("tiny", "tiny"), ("huge", "huge"), ("tiny", "one"), ("special", "mixed"))


def main(out: str) -> None:
    rng, kept = np.random.default_rng(17), {}
    for number, form in enumerate(FORMS):
        k, a_kind, b_kind, sums = form
        for what, added in CASES:
            a, b = values(rng, a_kind, (TILES, 16, k), what), values(rng, b_kind, (TILES, k, 8), what)
            c = values(rng, sums, (TILES, 16, 8), added)
            given = [raw(a), raw(b), raw(c) if sums == "f16" else c]
            given.append(np.zeros_like(given[2]))
            tensors = [torch.from_numpy(one.view(f"i{one.itemsize}")).cuda() for one in given]
            typed = [one.view(getattr(torch, str(array.dtype))) for one, array in zip(tensors, given, strict=True)]
            run_on_gpu(source(*form), "mma", TILES, 32, typed)
            given[3] = tensors[3].cpu().numpy().view(given[3].dtype)
            kept |= {f"{number} {what} {added} {name}": one for name, one in zip("abcd", given, strict=True)}
    kept["machine"] = np.array(torch.cuda.get_device_name())
    np.savez_compressed(out, **kept)


if __name__ == "__main__":
    main(sys.argv[1])
