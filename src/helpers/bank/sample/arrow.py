"""Turns arrays of numbers into columns as a bank keeps them: identifiers, words, times, holes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from helpers.bank.sample.window import Window

NO_TIME = np.iinfo(np.int64).min
CUSTOMER_DIGITS = 9
PROSPECT_FROM = 900_000_000


def identifiers(prefix: str, numbers: np.ndarray, digits: int) -> pa.Array:
    """Write numbers as identifiers of one width, such as C000000042.

    Examples
    --------
    >>> identifiers("C", np.array([42, 7]), 4).to_pylist()
    ['C0042', 'C0007']
    """
    numbers = np.asarray(numbers, dtype=np.int64)
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    width = len(head) + digits
    text = np.empty((len(numbers), width), dtype=np.uint8)
    text[:, : len(head)] = head
    left = numbers.copy()
    for place in range(width - 1, len(head) - 1, -1):
        left, digit = np.divmod(left, 10)
        text[:, place] = digit + ord("0")
    offsets = np.arange(len(numbers) + 1, dtype=np.int64) * width
    data = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))]
    return pa.Array.from_buffers(pa.large_string(), len(numbers), data).cast(pa.string())


def customers(numbers: np.ndarray) -> pa.Array:
    """Write customer numbers as C and nine digits."""
    return identifiers("C", numbers, CUSTOMER_DIGITS)


def coded_identifiers(prefix: str, numbers: np.ndarray, digits: int) -> pa.DictionaryArray:
    """Write identifiers that repeat many times, each spelt out once."""
    unique, codes = np.unique(numbers, return_inverse=True)
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), identifiers(prefix, unique, digits))


def words(codes: np.ndarray, vocabulary: tuple[str, ...], *, known: np.ndarray | None = None) -> pa.Array:
    """Write codes as the words of a vocabulary; a hole where `known` is False or the code negative."""
    codes = np.asarray(codes)
    hole = codes < 0 if known is None else (codes < 0) | ~known
    indices = pa.array(np.where(hole, 0, codes).astype(np.int16), mask=hole)
    return pa.DictionaryArray.from_arrays(indices, pa.array(vocabulary, type=pa.string()))


def times(window: Window, seconds: np.ndarray) -> pa.Array:
    """Write seconds since the log's first midnight as timestamps; `NO_TIME` is a hole."""
    seconds = np.asarray(seconds, dtype=np.int64)
    start = window.start.astype("datetime64[s]").astype(np.int64)
    hole = seconds == NO_TIME
    micro = (np.where(hole, 0, seconds) + start) * 1_000_000
    return pa.array(micro, mask=hole).cast(pa.timestamp("us"))


def dates(window: Window, days: np.ndarray, *, known: np.ndarray | None = None) -> pa.Array:
    """Write day numbers as dates; a hole where `known` is False."""
    start = int(window.start.astype(int))
    hole = None if known is None else ~known
    days = np.asarray(days) if known is None else np.where(known, days, 0)
    return pa.array((days + start).astype(np.int32), mask=hole).cast(pa.date32())


def numbers(values: np.ndarray, *, known: np.ndarray | None = None) -> pa.Array:
    """Write numbers or truth values; a hole where `known` is False."""
    return pa.array(np.asarray(values), mask=None if known is None else ~known)
