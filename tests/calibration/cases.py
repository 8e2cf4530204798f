"""All calibration cases, by family."""

from calibration.case import Case
from calibration.families import (
    algorithms,
    control,
    copies,
    gathers,
    matrices,
    memories,
    newcomer_memory,
    newcomer_work,
    numbers,
    rows_and_products,
    shared,
    sums,
    transposes,
)

OURS = (copies, gathers, transposes, shared, sums, rows_and_products, algorithms, control, memories, numbers, matrices)
FAMILIES = (*OURS, newcomer_memory, newcomer_work)
CASES: tuple[Case, ...] = tuple(case for family in FAMILIES for case in family.CASES)
BY_NAME: dict[str, Case] = {case.name: case for case in CASES}
assert len(BY_NAME) == len(CASES), "two cases of one name"
