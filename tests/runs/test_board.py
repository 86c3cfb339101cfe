"""The record of runs over several runs: rows, warnings, figures against target, what changed, both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers import bank as banks
from helpers.findings import Figure, Finding, StepResult, Text
from helpers.runs import plan as plans
from helpers.runs.board import Board
from helpers.runs.step import DONE, FAILED, NOT_RUN, StepRun
from tests.conftest import tiny_tables
from tests.runs.conftest import COUNT, run

STEPS = ("01_goal_decomposition", "02_segment_insight")
STOPPED = Text("The kernel was killed.", "内核被终止。")


class Batch:
    """Runs of a plan without kernels: what steps would keep is written by hand, the board is told."""

    def __init__(self, reports: Path, folder: Path, *, language: str = "en", case: str = "") -> None:
        self.reports = reports
        self.plan = plans.read(str(folder), language=language, case=case)
        self.bank = banks.open(self.plan.bank)

    def __enter__(self) -> Batch:
        self.board = Board(self.reports, self.plan, self.bank)
        self.board.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.board.draw()

    def done(self, case: str, step: str, *figures: Figure, warns: tuple[str, ...] = (), kept_from: str = "") -> None:
        run_dir = self.reports / self.plan.name / case / self.plan.language
        if not kept_from:
            result = StepResult(step, run_dir=run_dir)
            result.about = {"tables_read": ["customers", "balances"], "fingerprint": self.bank.fingerprint}
            result.add(Finding("first", Text("Something is so.", "情况如此。"), figures))
            for key in warns:
                result.add(Finding(key, Text(f"Beware of {key}.", f"当心{key}。"), tone="warning"))
            result.keep()
            (run_dir / f"{step}.html").write_text("<p>page</p>", encoding="utf-8")
        self._add(case, step, DONE, seconds=1.5, kept_from=kept_from)

    def stopped(self, case: str, step: str, state: str = FAILED) -> None:
        run_dir = self.reports / self.plan.name / case / self.plan.language
        (run_dir / step / "result.json").unlink(missing_ok=True)
        run_dir.mkdir(parents=True, exist_ok=True)
        (run_dir / f"{step}.html").write_text("<p>card</p>", encoding="utf-8")
        words = {"en": STOPPED.en, "zh": STOPPED.zh}
        self._add(case, step, state, message=words[self.plan.language], messages=words)

    def _add(self, case: str, step: str, state: str, **settings: Any) -> None:
        page = f"{self.plan.name}/{case}/{self.plan.language}/{step}.html"
        given = {"seconds": 0.0, "message": "", "started_at": "2025-09-01T08:00:00+08:00", **settings}
        self.board.add(
            StepRun(
                playbook=self.plan.name,
                case=case,
                language=self.plan.language,
                step=step,
                state=state,
                page=page,
                **given,
            )
        )

    @property
    def content(self) -> dict[str, Any]:
        return json.loads((self.reports / "board.json").read_text(encoding="utf-8"))

    @property
    def last(self) -> dict[str, Any]:
        (last,) = [last for last in self.content["last_runs"] if last["language"] == self.plan.language]
        return last

    @property
    def page(self) -> str:
        return (self.reports / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def batch(playbook: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[..., Batch]]:
    folder = playbook("{whole: {title: {en: Whole bank, zh: 全行}}}", **dict.fromkeys(STEPS, COUNT))

    def make(*, cases: str = "", **settings: Any) -> Batch:
        if cases:
            playbook(cases, **dict.fromkeys(STEPS, COUNT))
        return Batch(tmp_path / "reports", folder, **settings)

    return make


def mau(value: float, target: float = 290) -> tuple[Figure, Figure, Figure]:
    return (
        Figure("projected_mau", value, value - 20, value + 30, unit="customers", n=276, period="2025-11"),
        Figure("target_mau", target, unit="customers", n=276, period="2025-11"),
        Figure("stickiness", value / 1000, unit="share", n=276),
    )


def run_all(batch: Batch, value: float = 286, **settings: Any) -> Batch:
    with batch:
        batch.done("whole", STEPS[0], *mau(value), **settings)
        batch.done("whole", STEPS[1], Figure("focus_customers", 140, unit="customers", n=498))
    return batch


def visible(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", " ", markup, flags=re.S)))


def test_an_entry_says_rows_warnings_and_figures_against_target(batch: Callable[..., Batch]) -> None:
    done = run_all(batch(), warns=("late",))
    first, second = done.content["runs"]
    rows = {name: len(frame) for name, frame in tiny_tables().items()}
    assert (first["tables_read"], first["rows_read"]) == (
        ["customers", "balances"],
        rows["customers"] + rows["balances"],
    )
    assert (first["warnings"], second["warnings"]) == (1, 0)
    (figure,) = first["figures"]
    assert (figure["key"], figure["value"], figure["lower"], figure["n"]) == ("projected_mau", 286, 266, 276)
    assert figure["target"] == {"key": "target_mau", "value": 290}
    assert second["figures"][0]["target"] is None
    text = visible(done.page)
    assert (
        "MAU projected 2025-11 286 customers (266 to 316 customers, n = 276) target 290 customers, −4 customers" in text
    )
    assert "Beware of late." in text
    assert f'href="pb/whole/en/{STEPS[0]}.html#finding-late"' in done.page


def test_the_first_run_has_nothing_to_compare_with(batch: Callable[..., Batch]) -> None:
    done = run_all(batch())
    assert (done.last["before"], done.last["changes"]) == ("", [])
    assert (done.last["n_steps"], done.last["n_kept"], done.last["n_waiting"]) == (2, 0, 0)
    assert "nothing to compare it with" in done.page


def test_a_run_of_which_everything_is_kept_says_that_nothing_changed(batch: Callable[..., Batch]) -> None:
    run_all(batch())
    again = batch()
    with again:
        for step in STEPS:
            again.done("whole", step, kept_from="2025-09-01T08:00:00+08:00")
    assert again.last["before"]
    assert (again.last["n_kept"], again.last["changes"]) == (2, [])
    assert "2 steps, 0 run, 2 kept. Nothing changed since the run of" in visible(again.page)
    # The same numbers made anew are no change either.
    assert run_all(batch()).last["changes"] == []


def test_a_figure_that_moved_stands_with_old_new_and_difference(batch: Callable[..., Batch]) -> None:
    run_all(batch())
    moved = run_all(batch(), 291, warns=("late",))
    kinds = [(change["kind"], change.get("key")) for change in moved.last["changes"]]
    assert kinds == [("figure", "projected_mau"), ("figures", None), ("warning", "late")]
    change = moved.last["changes"][0]
    assert (change["before"], change["after"], change["difference"], change["unit"]) == (286, 291, 5, "customers")
    text = visible(moved.page)
    assert "MAU projected: 286 customers → 291 customers (+5 customers)" in text
    assert "1 other figure moved" in text
    assert "new warning: Beware of late." in text


def test_a_step_that_stops_and_comes_back_is_a_change_of_state_both_times(batch: Callable[..., Batch]) -> None:
    run_all(batch())
    bad = batch()
    with bad:
        bad.stopped("whole", STEPS[0])
        bad.stopped("whole", STEPS[1], NOT_RUN)
    states = [(change["kind"], change["before"], change["after"]) for change in bad.last["changes"]]
    assert states == [("state", "done", "failed"), ("state", "done", "not_run")]
    assert [(entry["rows_read"], entry["warnings"], entry["figures"]) for entry in bad.content["runs"]] == [
        (None, None, [])
    ] * 2
    assert "state: done → failed" in visible(bad.page)
    good = run_all(batch())
    assert [(change["before"], change["after"]) for change in good.last["changes"]] == [
        ("failed", "done"), ("not_run", "done"),
    ]  # fmt: skip


def test_a_run_that_was_cut_off_is_no_run_to_compare_with(batch: Callable[..., Batch]) -> None:
    began = run_all(batch()).last["started_at"]
    cut = batch()
    with cut:
        cut.done("whole", STEPS[0], *mau(291))
    assert (cut.last["n_waiting"], cut.last["ended_at"]) == (1, "")
    assert [change["kind"] for change in cut.last["changes"]] == ["figure", "figures"], (
        "what is not reached has not changed"
    )
    assert "1 not finished" in visible(cut.page)
    finished = batch()
    with finished:
        finished.done("whole", STEPS[0], kept_from="2025-09-01T08:00:00+08:00")
        finished.done("whole", STEPS[1], Figure("focus_customers", 140, unit="customers", n=498))
    assert finished.last["before"] == began
    assert [(change["kind"], change.get("difference")) for change in finished.last["changes"]] == [
        ("figure", 5),
        ("figures", None),
    ]


def test_a_run_of_one_case_compares_only_that_case(batch: Callable[..., Batch]) -> None:
    both = "{whole: {}, harbour: {parameters: {branch: Harbour}}}"
    run_all(batch())
    more = batch(cases=both)
    with more:
        for case in ("whole", "harbour"):
            more.done(case, STEPS[0], *mau(286))
            more.done(case, STEPS[1], Figure("focus_customers", 140, unit="customers", n=498))
    assert {(change["kind"], change["case"]) for change in more.last["changes"]} == {("new", "harbour")}
    one = batch(case="harbour")
    with one:
        one.done("harbour", STEPS[0], *mau(300))
        one.done("harbour", STEPS[1], Figure("focus_customers", 140, unit="customers", n=498))
    assert {change["case"] for change in one.last["changes"]} == {"harbour"}
    assert one.last["n_steps"] == 2
    assert len(one.content["runs"]) == 4


def test_a_case_that_the_playbook_dropped_leaves_the_board_and_is_named(batch: Callable[..., Batch]) -> None:
    gone = batch(cases="{whole: {}, harbour: {title: {en: Harbour branch, zh: 港口网点}}}")
    with gone:
        for case in ("whole", "harbour"):
            gone.done(case, STEPS[0], *mau(286))
            gone.done(case, STEPS[1])
    after = batch(cases="{whole: {}}")
    with after:
        after.done("whole", STEPS[0], *mau(286))
        after.done("whole", STEPS[1])
    assert {entry["case"] for entry in after.content["runs"]} == {"whole"}
    assert [(change["kind"], change["case"], change["step"]) for change in after.last["changes"]] == [
        ("gone", "harbour", STEPS[0]), ("gone", "harbour", STEPS[1]),
    ]  # fmt: skip
    assert "Harbour branch · 1 Goals no longer there" in visible(after.page)


def test_a_page_that_was_deleted_is_gone_from_the_board_and_named(batch: Callable[..., Batch]) -> None:
    both = "{whole: {}, harbour: {}}"
    first = batch(cases=both)
    with first:
        for case in ("whole", "harbour"):
            first.done(case, STEPS[0])
            first.done(case, STEPS[1])
    (first.reports / "pb" / "harbour" / "en" / f"{STEPS[1]}.html").unlink()
    one = batch(case="whole")
    with one:
        one.done("whole", STEPS[0])
        one.done("whole", STEPS[1])
    assert [(change["kind"], change["case"], change["step"]) for change in one.last["changes"]] == [
        ("gone", "harbour", STEPS[1])
    ]


def test_a_chinese_board_has_chinese_rows_of_an_english_run(batch: Callable[..., Batch]) -> None:
    english = batch()
    with english:
        english.done("whole", STEPS[0], *mau(286), warns=("late",))
        english.stopped("whole", STEPS[1])
    english = batch()
    with english:
        english.done("whole", STEPS[0], *mau(291), warns=())
        english.stopped("whole", STEPS[1])
    chinese = run_all(batch(language="zh"))
    assert [entry["language"] for entry in chinese.content["runs"]] == ["en", "en", "zh", "zh"]
    text = visible(chinese.page)
    assert text.count("全行") >= 4
    assert "月活预测：286 人 → 291 人（+5 人）" in text
    assert "不再提醒：当心late。" in text
    assert STOPPED.zh in text
    for english_words in (
        "Whole bank",
        "Goals",
        "Segments",
        "Try",
        "done",
        "failed",
        STOPPED.en,
        "MAU projected",
        "Since",
        "customers",
    ):
        assert english_words not in text, english_words


def test_an_entry_of_an_older_board_keeps_its_place(batch: Callable[..., Batch]) -> None:
    """Before, entries had no titles in both languages, no rows, no figures; and there were no last runs."""
    done = run_all(batch())
    content = done.content
    new = {"titles", "messages", "tables_read", "rows_read", "warnings", "figures"}
    content["runs"] = [{key: entry[key] for key in entry if key not in new} for entry in content["runs"]]
    content.pop("last_runs")
    (done.reports / "board.json").write_text(json.dumps(content), encoding="utf-8")
    (done.reports / "pb" / ".before.en.json").unlink()
    chinese = run_all(batch(language="zh"))
    assert "1 Goals" in visible(chinese.page)
    again = run_all(batch(), 291)
    assert again.last["before"] == "2025-09-01T08:00:00+08:00"
    assert [change["kind"] for change in again.last["changes"]] == ["figure", "figures"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema_version": 99, "runs": 3}'])
def test_a_record_that_cannot_be_read_is_begun_anew(batch: Callable[..., Batch], damage: str) -> None:
    done = run_all(batch())
    (done.reports / "board.json").write_text(damage, encoding="utf-8")
    (done.reports / "pb" / ".before.en.json").write_text(damage, encoding="utf-8")
    assert run_all(batch()).last["changes"] == []


def test_what_the_data_doctor_noticed_is_said_without_a_customers_id(
    playbook: Callable[..., Path], write_bank: Callable[..., Path], tmp_path: Path
) -> None:
    folder = playbook("{whole: {}}", a=COUNT)
    activity = tiny_tables()["activity"]
    activity.loc[len(activity)] = activity.iloc[0].replace({"C000000001": "C999999999"})
    write_bank(activity=activity)
    for language, words in (
        ("en", "activity.customer_id: is not in customers (1 row)"),
        ("zh", "activity.customer_id：不在 customers 表中（1 行）"),
    ):
        batch = Batch(tmp_path / "reports", folder, language=language)
        with batch:
            batch.done("whole", "a")
        assert {remark["table"] for remark in batch.last["remarks"]} == {"activity", "balances"}
        assert words in visible(batch.page)
        assert "C999999999" not in batch.page + json.dumps(batch.content)


@pytest.mark.slow
def test_rows_are_those_of_the_tables_that_the_notebook_touched(playbook: Callable[..., Path], tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    folder = playbook("{whole: {}}", a=COUNT, b=COUNT + "\nassert data.rewards is None")
    assert run(str(folder), "--reports", str(reports))[0] == 0
    for entry in json.loads((reports / "board.json").read_text(encoding="utf-8"))["runs"]:
        # To open the bank looks at the days of the log and of the balances; the count looks at the customers.
        assert entry["tables_read"] == ["customers", "activity", "balances"]
        assert entry["rows_read"] == sum(len(frame) for frame in tiny_tables().values())
    code, _ = run(str(folder), "--reports", str(reports))
    assert code == 0
    (last,) = json.loads((reports / "board.json").read_text(encoding="utf-8"))["last_runs"]
    assert (last["n_kept"], last["changes"]) == (2, [])
    assert "Nothing changed since the run of" in (reports / "index.html").read_text(encoding="utf-8")


def test_what_cannot_be_set_aside_still_leaves_a_true_board(
    batch: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run_all(batch())
    again = batch()
    with monkeypatch.context() as patched:
        patched.setattr("helpers.runs.outcome.write_aside", full)
        again.__enter__()
    assert {entry["state"] for entry in again.content["runs"]} == {"waiting"}
    again.done("whole", STEPS[0], *mau(291))
    assert [change["kind"] for change in again.last["changes"]] == ["figure", "figures"]
