"""Interrupts a Python loop in this process after a time limit; used where a child process cannot be."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

from .sandbox import Outcome


class TooLong(BaseException):
    """Raised in the main thread when the limit is over; a BaseException, so that an answer does not catch it."""


def guarded(work: Callable[[Callable[[str], None]], Any], seconds: float) -> Outcome:
    """Run `work(tell)` here, as `sandbox.contained` would in a child; only the time is limited."""
    stage = ""

    def tell(text: str) -> None:
        nonlocal stage
        stage = text

    def ring(*_: Any) -> None:
        raise TooLong

    if threading.current_thread() is not threading.main_thread():
        return Outcome("done", work(tell))
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return Outcome("done", work(tell))
    except TooLong:
        return Outcome("timeout", detail=f"{seconds:g} s", stage=stage)
    except SystemExit:
        return Outcome("exited", stage=stage)
    except MemoryError:
        return Outcome("memory", detail="this machine's memory", stage=stage)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
