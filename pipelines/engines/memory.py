"""Memory that a task no longer uses goes back to the system.

Allocators keep what is freed for the next request. A process that lives through all stages would so hold the most that
each of its allocators ever had, all at once.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

#: private memory from which on looking for what is unused is worth its milliseconds
_MUCH = 256 << 20


def give_back() -> None:
    """Returns unused memory of Arrow and of the C library, where this system can tell how much there is."""
    if private_bytes() > _MUCH:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
        if trim := _trim():
            trim(0)


def private_bytes(process: int | str = "self") -> int:
    """Resident memory of a process that it shares with none; 0 where the system does not tell, or it has ended."""
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


@cache
def _trim() -> ctypes._FuncPointer | None:
    """``malloc_trim`` of glibc."""
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except OSError:
        return None
