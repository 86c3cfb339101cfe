"""The sample bank: simulated, with planted truth. ``build(dest)`` writes it; nothing heavy is imported before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.bank.sample.writing import build

__all__ = ["build"]


def __getattr__(name: str) -> Any:
    if name == "build":
        from importlib import import_module

        function = import_module("helpers.bank.sample.writing").build
        globals()["build"] = function
        return function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
