"""What a person sees: plots, tables, the page of a notebook, HTML review pages."""

from __future__ import annotations

from typing import Any

__all__ = ["Page"]


def __getattr__(name: str) -> Any:
    if name == "Page":
        from helpers.reporting.notebook import Page

        return Page
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
