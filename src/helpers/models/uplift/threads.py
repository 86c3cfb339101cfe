"""One thread for small boosted models: threads that wait for each other cost far more than they share."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

_MANY = 100_000


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def threads_for(n: int) -> AbstractContextManager[object]:
    """Limit OpenMP to one thread inside a ``with`` unless there are many customers; the setting is put back afterwards.

    Boosting synchronises its threads at every node of every tree. With other processes on the same processor they
    spin on each other: a choice of a learner for 3,500 customers took more than 60 s instead of 6 s.
    """
    return nullcontext() if n > _MANY else _controller().limit(limits=1, user_api="openmp")
