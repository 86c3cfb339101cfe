"""The catalogue of metrics is whole, and everything that is bound to it exists."""

from __future__ import annotations

import pytest

from helpers.bank import places
from helpers.metrics.definitions import metric, read_metrics


def test_the_metrics_that_others_are_bound_to_are_there() -> None:
    metrics = read_metrics()
    needed = (
        "mau wau dau stickiness quick_ratio aum aum_per_active new_customers activation_rate retention_30 silence_rate"
    )
    needed += " win_back_rate active_days is_active aum_change durable_aum participation_rate aac lroi roi hunter_share"
    needed += " opt_out_rate complaint_rate"
    assert set(needed.split()) <= set(metrics)
    assert {m.level for m in metrics.values()} == {"north_star", "second", "process"}
    assert [slug for slug, m in metrics.items() if m.level == "north_star"] == ["mau", "aum"]


def test_both_languages_say_different_things() -> None:
    for entry in read_metrics().values():
        for words in (entry.name, entry.description, entry.formula, entry.owner):
            assert any("\u4e00" <= c <= "\u9fff" for c in words.zh)
            assert not any("\u4e00" <= c <= "\u9fff" for c in words.en)


def test_broken_entries_are_named(tmp_path) -> None:
    words = (places.project_root() / "data" / "catalogue" / "metrics.yml").read_text(encoding="utf-8")
    (tmp_path / "metrics.yml").write_text(words.replace("unit: customers", "unit: heads", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"mau\.unit: must be one of count, customers"):
        read_metrics(folder=str(tmp_path))
    with pytest.raises(ValueError, match="metric 'aumm' is unknown, did you mean 'aum'"):
        metric("aumm")
