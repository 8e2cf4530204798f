"""What all tests share: a slower garbage collector, since half a million objects of torch and Triton live on."""

import gc

gc.set_threshold(100_000, 20, 20)


def pytest_collection_finish(session):
    gc.freeze()
