"""ldmatrix, stmatrix and movmatrix: who gives which row, who gets which elements, what it costs, what is refused."""

import numpy as np
import pytest

from utils.vgpu import NotEmulated, emulate

LOADED = "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"
STORED = "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_st.sum"


def instruction(name: str, count: int, trans: bool, space: str = ".shared") -> str:
    """The asm statement: into or out of r[0..count), at the shared address `a`."""
    opcode = f"{name}.sync.aligned.m8n8.x{count}{'.trans' if trans else ''}{space}.b16"
    load = name == "ldmatrix"
    registers = ", ".join(f"%{i + (not load)}" for i in range(count))
    values = ", ".join(f'"{"=" if load else ""}r"(r[{i}])' for i in range(count))
    address = '"r"(a)' if space else '"l"(a)'
    if load:
        return f'asm volatile("{opcode} {{{registers}}}, [%{count}];" : {values} : {address} : "memory");'
    return f'asm volatile("{opcode} [%0], {{{registers}}};" : : {address}, {values} : "memory");'


def kernel(statement: str, stride: int = 16, generic: bool = False) -> str:
    """A warp's rows, `stride` bytes apart, from x to shared memory; `statement`; registers and memory to y and z."""
    address = "(unsigned long long)(s + {0})" if generic else "(unsigned)__cvta_generic_to_shared(s + {0})"
    return f"""
__global__ void k(const unsigned* x, const unsigned* regs, unsigned* y, unsigned* z) {{
    __shared__ __align__(16) unsigned char all[4][32 * {stride}];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, n = {stride // 4} * 32;
    unsigned char* s = all[warp];
    for (int i = lane; i < n; i += 32) ((unsigned*)s)[i] = x[i];
    __syncwarp();
    unsigned r[4];
    for (int i = 0; i < 4; ++i) r[i] = regs[threadIdx.x * 4 + i];
    auto a = {address.format(f"lane * {stride}")};
    {statement}
    __syncwarp();
    for (int i = 0; i < 4; ++i) y[threadIdx.x * 4 + i] = r[i];
    if (warp == 1) for (int i = lane; i < n; i += 32) z[i] = ((unsigned*)s)[i];
}}"""


def launch(statement: str, stride: int = 16, block: int = 64, generic: bool = False) -> tuple:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2**32, stride * 8, dtype=np.uint32)
    registers = rng.integers(0, 2**32, (block, 4), dtype=np.uint32)
    y, z = np.zeros_like(registers), np.zeros_like(x)
    report = emulate(kernel(statement, stride, generic), "k", 1, block, [x, registers, y, z])
    return report, x, registers, y, z


def one_by_one(matrix: np.ndarray, trans: bool) -> list[int]:
    """By lane, the register that holds its two elements of an 8x8 matrix, as the PTX ISA's figure has it."""
    at = matrix.T if trans else matrix
    return [int(at[lane // 4, lane % 4 * 2]) | int(at[lane // 4, lane % 4 * 2 + 1]) << 16 for lane in range(32)]


@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_lane_gets_two_neighbours_of_a_row(count: int, trans: bool) -> None:
    report, x, registers, y, _ = launch(instruction("ldmatrix", count, trans))
    assert not report.faults
    matrices = x.view(np.uint16).reshape(4, 8, 8)
    for number in range(4):
        want = one_by_one(matrices[number], trans) if number < count else registers[:32, number].tolist()
        assert y[:32, number].tolist() == want


@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_store_is_the_inverse_of_a_load(count: int, trans: bool) -> None:
    report, x, registers, _, z = launch(instruction("stmatrix", count, trans))
    assert not report.faults
    matrices = z.view(np.uint16).reshape(4, 8, 8)
    for number in range(count):
        assert one_by_one(matrices[number], trans) == registers[32:, number].tolist()
    assert (z[count * 32 :] == x[count * 32 :]).all()


@pytest.mark.parametrize("generic", [False, True])
def test_rows_in_the_same_banks_take_a_wavefront_each(generic: bool) -> None:
    space = "" if generic else ".shared"
    load = instruction("ldmatrix", 4, False, space)
    plain, padded, apart = (launch(load, stride, generic=generic)[0].metrics for stride in (128, 144, 16))
    # both warps write their rows plainly, and warp 1 reads them back, without a conflict
    assert [m[LOADED] - m[STORED] // 2 for m in (plain, padded, apart)] == [2 * 4 * 8, 2 * 4, 2 * 4]


def test_a_matrix_moved_within_registers() -> None:
    statement = 'asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(r[0]) : "r"(r[1]));'
    _, _, registers, y, _ = launch(statement)
    matrix = np.ascontiguousarray(registers[:32, 1]).view(np.uint16).reshape(8, 8)
    assert y[:32, 0].tolist() == one_by_one(matrix, True)


def test_faults_name_the_row() -> None:
    load = instruction("ldmatrix", 1, False)
    odd = launch("a += 8; " + load)[0].faults
    assert odd[0].kind == "misaligned" and odd[0].array == "all"
    outside = launch("a += 1 << 20; " + load)[0].faults
    assert outside[0].kind == "out-of-bounds"
    some = launch(f"if (lane < 16) {{ {load} }}")[0].faults
    assert some[0].kind == "barrier" and "does not take part" in str(some[0])


def test_a_matrix_written_by_another_warp_is_a_race_without_a_barrier() -> None:
    load = "a = (unsigned)__cvta_generic_to_shared(all[1 - warp] + lane * 16); " + instruction("ldmatrix", 4, False)
    assert {fault.kind for fault in launch(load)[0].faults} == {"race"}
    assert not launch("__syncthreads(); " + load)[0].faults


def test_the_forms_of_later_gpus_are_refused_by_name() -> None:
    from utils.vgpu.lowering import program

    head = ".version 8.6\n.target sm_100a\n.address_size 64\n.visible .entry k() {\n.reg .b32 %r<9>;\n"
    text = head + "ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8 {%r1, %r2}, [%r3];\nret;\n}\n"
    with pytest.raises(NotEmulated, match="m16n16"):
        program(text, "k")
