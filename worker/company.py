"""What does a process of a pool know of its worker? Whether it is about to stop, and how many slots it has.

It lies in memory that the processes share, without a lock: one that is killed can leave none behind.
"""

from __future__ import annotations

from ctypes import c_int
from multiprocessing.sharedctypes import RawValue

_leaving = RawValue(c_int, 0)
_slots = RawValue(c_int, 1)


def arrive(slots: int) -> None:
    """Note that a worker with so many slots is about to start."""
    _leaving.value, _slots.value = 0, slots


def leave() -> None:
    """Note that the worker is about to stop."""
    _leaving.value = 1


def is_leaving() -> bool:
    """Say whether it is."""
    return bool(_leaving.value)


def slots() -> int:
    """Return how many tasks the worker runs at once; 1 where there is none."""
    return _slots.value
