"""Builds the sample bank: cells simulated block by block, written as parquet, swapped in when complete."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.bank.sample import papers, tables, truth
from helpers.bank.sample.cell import Cell, World, begin_cell, simulate_cell
from helpers.bank.sample.chance import CELL_CUSTOMERS
from helpers.bank.sample.joining import plan_channels
from helpers.bank.sample.wealth import market_returns
from helpers.bank.sample.window import Window
from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError

MONTHS = (6, 60)
MOST_CUSTOMERS = 9_000_000
BLOCK_CUSTOMERS = 5_000
_MARK = "simulated: true"


def build(
    dest: str | Path,
    *,
    customers: int = 20_000,
    months: int = 24,
    seed: int = 20240101,
    progress: Callable[[int, int], Any] | None = None,
    block_customers: int = BLOCK_CUSTOMERS,
) -> Path:
    """Simulate a bank with known truth and write it to a folder.

    Everything is drawn from ``numpy.random.default_rng`` with seeds spawned for each noun and cell of
    1,000 customers: the same seed, size and months give the same bytes, and what a customer does is
    the same however the work is cut into blocks. A bank at `dest` is replaced only when the new one is complete.

    Parameters
    ----------
    dest : str or Path
        Folder of the bank; new, empty, or an earlier sample bank.
    customers : int
        Number of customers, from 1 to 9,000,000.
    months : int
        Calendar months in the log, from 6 to 60; it always ends on 2025-12-31.
    seed : int
        Seed, not negative.
    progress : callable, optional
        Called with (customers done, customers in all) after each block.
    block_customers : int
        Customers simulated and written at once, a multiple of 1,000; more need more memory (about 60 MB per 1,000).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If a number is out of range, or `dest` holds something that is not a sample bank.

    Examples
    --------
    >>> import tempfile
    >>> folder = build(tempfile.mkdtemp(), customers=200, months=6)
    >>> sorted(path.name for path in folder.iterdir())[:4]
    ['README.md', 'acquisitions.parquet', 'activity', 'assignments.parquet']
    """
    _check(customers, months, seed, block_customers)
    dest = Path(dest).expanduser().absolute()
    _refuse_strangers(dest)
    dest.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{dest.name}-", dir=dest.parent))
    folder.chmod(0o755)
    try:
        world = make_world(seed, customers=customers, months=months)
        _write(folder, world, progress, block_customers // CELL_CUSTOMERS)
        _swap(folder, dest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return dest


def make_world(seed: int, *, customers: int, months: int = 24) -> World:
    """Fix what all cells share: calendar, market, spend of the channels."""
    window = Window(months)
    return World(
        seed=seed,
        customers=customers,
        window=window,
        channels=plan_channels(seed, window, customers=customers),
        returns=market_returns(seed, window),
    )


def _check(customers: int, months: int, seed: int, block_customers: int) -> None:
    for name, value, least, most in (
        ("customers", customers, 1, MOST_CUSTOMERS),
        ("months", months, *MONTHS),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
            raise SpokenError(
                Text(
                    f"{name} should be a whole number from {least:,} to {most:,}, not {value!r}",
                    f"{name} 应为 {least:,} 到 {most:,} 之间的整数，现为 {value!r}",
                )
            )
    if block_customers < CELL_CUSTOMERS or block_customers % CELL_CUSTOMERS:
        raise SpokenError(
            Text(
                f"block_customers should be a multiple of {CELL_CUSTOMERS:,}, not {block_customers!r}",
                f"block_customers 应为 {CELL_CUSTOMERS:,} 的倍数，现为 {block_customers!r}",
            )
        )


def _refuse_strangers(dest: Path) -> None:
    if not dest.exists():
        return
    if not dest.is_dir():
        raise SpokenError(
            Text(
                f"dest {dest} is a file; give a folder that is new, empty or an earlier sample bank",
                f"dest {dest} 是文件；请给出新建、空白或原有示例银行的文件夹",
            )
        )
    if not any(dest.iterdir()):
        return
    sheet = dest / "bank.yml"
    if not sheet.is_file() or _MARK not in sheet.read_text(encoding="utf-8", errors="replace").splitlines():
        raise SpokenError(
            Text(
                f"dest {dest} holds files that are not a sample bank; give a new or empty folder",
                f"dest {dest} 中有不属于示例银行的文件；请给出新建或空白的文件夹",
            )
        )


def _swap(folder: Path, dest: Path) -> None:
    """Put the finished folder in the place of the old one: two renames, so that no reader sees half a bank."""
    old = None
    if dest.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{dest.name}-old-", dir=dest.parent))
        dest.rename(old / "bank")
    folder.rename(dest)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


class _Files:
    """Parquet files that are open while blocks come in, one a table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writers: dict[str, pq.ParquetWriter] = {}

    def add(self, name: str, parts: list[pa.Table]) -> None:
        """Append a block's rows to a table."""
        table = pa.concat_tables(parts).unify_dictionaries()
        if name not in self.writers:
            self.writers[name] = _writer(self.folder / f"{name}.parquet", table.schema)
        self.writers[name].write_table(table)

    def close(self) -> None:
        """Finish all files."""
        for writer in self.writers.values():
            writer.close()


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    file.parent.mkdir(parents=True, exist_ok=True)
    plain = [field.name for field in schema if field.name in ("session_id", "touch_id")]
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[field.name for field in schema if field.name not in plain],
        store_schema=False,  # words are words for the reader, not Arrow's dictionaries
    )


def _write(folder: Path, world: World, progress: Callable[[int, int], Any] | None, cells_per_block: int) -> None:
    shares = tables.seen_counts(world, (begin_cell(world, number)[1] for number in range(world.n_cells)))
    files = _Files(folder)
    (folder / "activity").mkdir()
    done = 0
    for part, cells in enumerate(_blocks(world, cells_per_block)):
        events = tables.activity(world, cells)
        with _writer(folder / "activity" / f"part-{part:04d}.parquet", events.schema) as writer:
            writer.write_table(events, row_group_size=200_000)
        for name, make in tables.BY_CELL.items():
            files.add(name, [make(world, cell) for cell in cells])
        files.add("acquisitions", [tables.acquisitions(world, cell, shares) for cell in cells])
        for name, make in truth.BY_CELL.items():
            files.add(f"truth/{name}", [make(world, cell) for cell in cells])
        done += sum(cell.people.n for cell in cells)
        if progress is not None:
            progress(done, world.customers)
    files.add("campaigns", [tables.campaigns(world)])
    for name, make in truth.WHOLE.items():
        files.add(f"truth/{name}", [make(world)])
    files.close()
    papers.write_papers(folder, world)


def _blocks(world: World, cells_per_block: int) -> Iterator[list[Cell]]:
    for first in range(0, world.n_cells, cells_per_block):
        yield [simulate_cell(world, number) for number in range(first, min(first + cells_per_block, world.n_cells))]
