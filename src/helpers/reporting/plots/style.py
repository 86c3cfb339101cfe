"""One look for all charts: sized for the page, colours that survive colour-blindness and grey print, direct labels.

Nothing global is set: :func:`figure` and :func:`new_axes` work inside :func:`look`, and plot functions that are
handed an ``ax`` leave its style alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.findings.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 7.6
HEIGHT_INCHES = 3.8
# Okabe and Ito (2008), ordered so that neighbours differ in lightness as well: they survive a grey print.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#6B6B6B", "#B8A200")
INK = "#1f2933"
MUTED = "#5f6b76"
GRID = "#e3e7eb"
GOOD, BAD, NEUTRAL = "#0072B2", "#D55E00", "#9aa5b1"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")


@cache
def font_family() -> str:
    """Register the packaged Noto Sans SC (Latin and Chinese glyphs, OFL) with matplotlib and return its name."""
    import pylopdf_fonts_zh_cn
    from matplotlib import font_manager

    file = Path(pylopdf_fonts_zh_cn.__file__).parent / "NotoSansSC-Regular.otf"
    font_manager.fontManager.addfont(str(file))
    return font_manager.FontProperties(fname=str(file)).get_name()


def settings() -> dict[str, Any]:
    """Return matplotlib's settings of the look."""
    from cycler import cycler

    return {
        "font.family": [font_family()],
        "font.size": 9.5,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.titlecolor": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": NEUTRAL,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=PALETTE),
        "axes.unicode_minus": True,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "text.color": INK,
        # A name from data may hold a dollar sign: it is written, not read as a formula.
        "text.parse_math": False,
        "lines.linewidth": 1.8,
        "legend.frameon": False,
        "figure.facecolor": "white",
        "axes.facecolor": "white",
        "figure.constrained_layout.use": True,
        # Glyphs as outlines and ids from a fixed salt: the same picture on every machine, byte for byte.
        "svg.fonttype": "path",
        "svg.hashsalt": "playbook",
    }


@contextmanager
def look() -> Iterator[None]:
    """Draw inside the look: ``with style.look(): …``."""
    import matplotlib as mpl

    with mpl.rc_context(settings()):
        yield


def new_axes(ax: Axes | None = None, *, height_inches: float = HEIGHT_INCHES) -> Axes:
    """Return the axes given, or new ones of the page's size (drawn by Agg, without a display)."""
    if ax is not None:
        return ax
    return figure(height_inches=height_inches).subplots()


def figure(*, height_inches: float = HEIGHT_INCHES, width_inches: float = WIDTH_INCHES) -> Figure:
    """Return a new figure in the look, outside of pyplot's registry, so that nothing has to be closed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with look():
        made = Figure(figsize=(width_inches, height_inches))
        FigureCanvasAgg(made)
    return made


def format_axis(axis: Any, unit: str, *, language: str) -> None:
    """Write an axis' ticks as numbers of a unit in the page's language."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, unit, language=language)))


def format_log_axis(axis: Any, unit: str, *, language: str) -> None:
    """Write a log axis' ticks as numbers of a unit, those between the powers of ten where the scale is short."""
    from matplotlib.ticker import LogFormatter

    class Between(LogFormatter):
        """Matplotlib's choice of ticks to name; its own words would be formulas."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return number(x, unit, language=language) if super().__call__(x, pos) else ""

    format_axis(axis, unit, language=language)
    axis.set_minor_formatter(Between())


def label_line_ends(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write names at the right ends of lines instead of a legend, pushed apart where they would overlap.

    Parameters
    ----------
    ends : list of (x, y, name, colour)
        In data coordinates.
    """
    if not ends:
        return
    low, high = ax.get_ylim()
    gap = (high - low) * 0.055
    placed: list[float] = []
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        at = y if not placed else max(y, placed[-1] + gap)
        placed.append(at)
        ax.annotate(
            name,
            (x, y),
            xytext=(x, at),
            textcoords="data",
            xycoords="data",
            color=colour,
            fontsize=8.5,
            va="center",
            ha="left",
            annotation_clip=False,
        )
    ax.margins(x=0.02)
