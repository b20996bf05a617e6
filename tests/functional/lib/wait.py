# SPDX-License-Identifier: Apache-2.0
"""Waiting for what other processes do, with a deadline and without fixed pauses."""
import select
import time

DEADLINE = 10.0


def wait_until(condition, what, timeout=DEADLINE):
    """Asks until condition() is true and returns it; each turn yields the processor shortly."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s, last answer {result!r}")
        select.select([], [], [], 0.01)
