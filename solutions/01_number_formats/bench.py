"""FP16 against BF16 on tensor cores: `python solutions/01_number_formats/bench.py`, on a GPU, records the rates."""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))
import torch
from triton.testing import do_bench

from utils.records import record


def rates(n: int, rounds: int = 7) -> dict[str, float]:
    """TFLOP/s of an n × n × n product, FP16 and BF16 alternated in one run; the median of each, and of their ratios."""
    pairs = {kind: torch.randn(2, n, n, device="cuda", dtype=torch.float32).to(kind) for kind in KINDS}
    seen = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind, (a, b) in pairs.items():
            milliseconds = do_bench(lambda a=a, b=b: a @ b, warmup=50, rep=200, return_mode="median")
            seen[kind].append(2 * n**3 / milliseconds / 1e9)
    ratios = [fp16 / bf16 for fp16, bf16 in zip(*seen.values(), strict=True)]
    return {"n": n, "fp16": round(median(seen[torch.float16]), 1), "bf16": round(median(seen[torch.bfloat16]), 1),
            "fp16 over bf16": round(median(ratios), 3)}  # fmt: skip


KINDS = (torch.float16, torch.bfloat16)

if __name__ == "__main__":
    print(record("01_matmul", [rates(n) for n in (2048, 4096, 8192)]))
