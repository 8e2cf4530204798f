"""The CUDA driver through ctypes, as much of it as loading a cubin and launching a kernel takes.

    python tests/calibration/driver.py CUBINS OUT NAME...

runs the named calibration and fault cases in one process, one launch each in this order, and writes OUT/NAME.npz with
the outputs of each.  No package but NumPy, so that a profiler or a checker around it has little else to look at.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from calibration.case import Case, three  # noqa: E402
from calibration.cases import BY_NAME  # noqa: E402
from calibration.fault_cases import FAULT_CASES, FaultCase  # noqa: E402

MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


class Driver:
    def __init__(self) -> None:
        self.library = ctypes.CDLL("libcuda.so.1")
        self.device, context = ctypes.c_int(), ctypes.c_void_p()
        self("cuInit", 0)
        self("cuDeviceGet", ctypes.byref(self.device), 0)
        self("cuDevicePrimaryCtxRetain", ctypes.byref(context), self.device)
        self("cuCtxSetCurrent", context)

    def __call__(self, name: str, *args: object) -> None:
        status = getattr(self.library, name)(*args)
        if status:
            text = ctypes.c_char_p()
            self.library.cuGetErrorName(status, ctypes.byref(text))
            raise RuntimeError(f"{name}: {(text.value or b'?').decode()}")

    def describe(self) -> dict:
        """The device's name, the driver's CUDA version, the number of multiprocessors."""
        name, version, count = ctypes.create_string_buffer(100), ctypes.c_int(), ctypes.c_int()
        self("cuDeviceGetName", name, 100, self.device)
        self("cuDriverGetVersion", ctypes.byref(version))
        self("cuDeviceGetAttribute", ctypes.byref(count), 16, self.device)
        return {"device": name.value.decode(), "driver_cuda": version.value, "multiprocessors": count.value}

    def run(self, case: Case | FaultCase, cubin: bytes, entry: str) -> list[np.ndarray | None]:
        """Launch once; every array as it is afterwards (None for a scalar)."""
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self("cuModuleLoadData", ctypes.byref(module), cubin)
        self("cuModuleGetFunction", ctypes.byref(function), module, entry.encode())
        if case.dynamic_shared > 48 * 1024:
            self("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, case.dynamic_shared)
        args, unwritten = case.make(), getattr(case, "unwritten", ())
        values = [
            self.upload(a, i not in unwritten) if isinstance(a, np.ndarray) else scalar(a) for i, a in enumerate(args)
        ]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        self(
            "cuLaunchKernel", function, *three(case.grid), *three(case.block), case.dynamic_shared, None, pointers, None
        )
        self("cuCtxSynchronize")
        ctypes.CDLL(None).fflush(None)  # what the kernel printed, before anything of the next case
        for array, value in zip(args, values, strict=True):
            if isinstance(array, np.ndarray):
                self("cuMemcpyDtoH_v2", ctypes.c_void_p(array.ctypes.data), value, ctypes.c_size_t(array.nbytes))
                self("cuMemFree_v2", value)
        self("cuModuleUnload", module)
        return [a if isinstance(a, np.ndarray) else None for a in args]

    def upload(self, array: np.ndarray, filled: bool) -> ctypes.c_uint64:
        at = ctypes.c_uint64()
        self("cuMemAlloc_v2", ctypes.byref(at), ctypes.c_size_t(array.nbytes))
        if filled:
            self("cuMemcpyHtoD_v2", at, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes))
        return at


def scalar(value: np.generic) -> ctypes.Array:
    return ctypes.create_string_buffer(value.tobytes(), value.nbytes)


def main(cubins: Path, out: Path, names: list[str]) -> None:
    manifest = json.loads((cubins / "manifest.json").read_text())["cases"]
    known = {**BY_NAME, **{case.name: case for case in FAULT_CASES}}
    out.mkdir(parents=True, exist_ok=True)
    driver = Driver()
    for name in names:
        case, entry = known[name], manifest[name]
        print(f"## {name}", flush=True)  # what the kernel prints follows
        arrays = driver.run(case, (cubins / entry["cubin"]).read_bytes(), entry["entry"])
        kept = {str(i): raw_bytes(arrays[i]) for i in getattr(case, "outputs", ())}
        np.savez(out / f"{name}.npz", **kept)
    print("## end", flush=True)


def raw_bytes(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(array.tobytes(), np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
