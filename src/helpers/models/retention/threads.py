"""One BLAS thread for many small products: threads that wait for each other cost ten times the work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Limit BLAS to one thread inside a ``with``; the setting is put back afterwards.

    Newton steps multiply blocks of a few thousand rows. With a second process on the same processor
    OpenBLAS' threads spin on each other, and a fit of 0.2 s took 1.4 s.
    """
    return _controller().limit(limits=1, user_api="blas")
