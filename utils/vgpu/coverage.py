"""Which PTX is covered: the table in README.md. `python -m utils.vgpu.coverage` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from . import alu
from .alu.core import WORDS

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- coverage -->", "<!-- end of coverage -->"

MACHINE = {
    "mov": "all types, special registers, addresses; packs and unpacks {a, b}",
    "cvta, isspacep": "global, shared, local, const, param; both ways",
    "ld, st": "global, shared, local, const, param, generic; 8 to 64 bits; .v2 .v4; cache operators, .nc, .volatile,"
    " .relaxed, .acquire, .release",
    "atom, red": "global, shared, generic; add min max inc dec and or xor exch cas; integers, f16, bf16, x2, f32, f64",
    "cp.async": ".ca .cg of 4, 8, 16 bytes, with fewer bytes read or an ignore predicate; groups",
    "membar, fence": "all levels; proxies count as fences",
    "shfl.sync": "up down bfly idx, with the predicate result",
    "vote.sync, activemask, match.sync, redux.sync, elect.sync": "all modes; redux of integers",
    "ldmatrix, stmatrix, movmatrix": ".m8n8 .x1 .x2 .x4 .trans .b16",
    "mma.sync": "m16n8k8, k16 of f16, bf16; k4, k8 of tf32; k16, k32 of s8, u8, e4m3, e5m2; into f32, f16, s32",
    "bar, barrier": "sync, arrive, red.popc/and/or, with counts; bar.warp.sync",
    "bra, brx.idx, call, ret, exit, trap": "calls of functions (no recursion), vprintf, assertions",
    "prefetch, nanosleep, discard, pmevent": "no effect",
}


def table() -> str:
    """Markdown: the machine's instructions, then each arithmetic family with its legal forms."""
    rows = [f"| `{name}` | {forms} |" for name, forms in MACHINE.items()]
    for family in sorted(alu.FAMILIES):
        forms = "<br>".join(_form(line) for line, _ in alu.FAMILIES[family])
        rows.append(f"| `{family}` | {forms} |")
    return "\n".join(["| instruction | forms |", "| --- | --- |", *rows])


def _form(line: str) -> str:
    """The syntax line "fma RND ftz? f32" as the PTX ISA writes it: .rnd{.ftz}.f32"""
    out = ""
    for word in line.split()[1:]:
        optional = word.endswith("?")
        choices = "|".join(WORDS.get(one, one) for one in word.rstrip("?").split("|"))
        text = "." + choices.replace("|", "/.")
        out += "{" + text + "}" if optional else f"({text})" if "|" in choices else text
    return f"`{out}`".replace("|", "\\|")


def document(text: str) -> str:
    """The README with the table brought up to date."""
    return re.sub(f"{BEGIN}.*{END}", f"{BEGIN}\n{table()}\n{END}".replace("\\", "\\\\"), text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(document(README.read_text()))
