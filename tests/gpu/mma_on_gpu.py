"""What a GPU's tensor cores make of random tiles: `python tests/gpu/mma_on_gpu.py OUT.npz` writes inputs and results.

Magnitudes are mixed, so that what is cut off when the products are aligned shows in the last bits.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
import numpy as np
import torch
from test_vgpu_mma import FORMS, KINDS, raw, source

from utils.vgpu import run_on_gpu

TILES = 64


def values(rng: np.random.Generator, kind: str, shape: tuple[int, ...], spread: int) -> np.ndarray:
    if kind in ("s8", "u8", "s32"):
        info = np.iinfo(KINDS[kind])
        return rng.integers(info.min, info.max, shape, endpoint=True).astype(KINDS[kind])
    scale = 2.0 ** rng.integers(-spread, spread + 1, shape)
    return (rng.standard_normal(shape) * scale).astype(KINDS[kind])


def main(out: str) -> None:
    rng, kept = np.random.default_rng(17), {}
    for number, form in enumerate(FORMS):
        k, a_kind, b_kind, sums = form
        for spread in (0, 3, 6):
            a, b, c = (
                values(rng, kind, (TILES, *shape), spread)
                for kind, shape in ((a_kind, (16, k)), (b_kind, (k, 8)), (sums, (16, 8)))
            )
            given = [raw(a), raw(b), raw(c) if sums == "f16" else c]
            given.append(np.zeros_like(given[2]))
            tensors = [torch.from_numpy(one.view(f"i{one.itemsize}")).cuda() for one in given]
            typed = [one.view(getattr(torch, str(array.dtype))) for one, array in zip(tensors, given, strict=True)]
            run_on_gpu(source(*form), "mma", TILES, 32, typed)
            given[3] = tensors[3].cpu().numpy().view(given[3].dtype)
            kept |= {f"{number}_{spread}_{name}": one for name, one in zip("abcd", given, strict=True)}
    np.savez_compressed(out, **kept)
    print(torch.cuda.get_device_name(), {key: kept[key].ravel()[:2].tolist() for key in kept if key.endswith("0_d")})


if __name__ == "__main__":
    main(sys.argv[1])
