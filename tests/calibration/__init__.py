"""Kernels whose counters and faults were recorded on a real GPU, to hold the emulated one to them."""
