"""Does the post-mortem find what the sample bank planted? Intervals, broken split, bonus hunters, over many seeds.

Run by hand: ``python benchmarks/recovery.py [--seeds 20] [--customers 4000]``. Prints a Markdown table, kept in docs/recovery.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd

from helpers import bank as banks
from helpers.bank import sample
from helpers.steps import post_mortem

# metric of the post-mortem: metric of the planted truth
TRUTH = {
    "active_days": "active_days",
    "active_days_net": "active_days_90",
    "aum_change": "aum_change",
    "aum_kept_change": "aum_kept_change",
}


def review(bank: banks.Bank, truth: Path, seed: int) -> tuple[list[dict], list[dict]]:
    """Measure every campaign of a bank and set it beside the truth: rows of effects, rows of splits and hunters."""
    effects = pd.read_parquet(truth / "effects.parquet")
    hunters = set(pd.read_parquet(truth / "hunters.parquet")["customer_id"])
    planted = pd.read_parquet(truth / "campaigns.parquet").set_index("campaign_id")
    rows, checks = [], []
    for campaign_id in sorted(bank.campaigns.campaign_id.execute()):
        case = post_mortem.open_case(bank, campaign_id)
        measures = post_mortem.measure(case)
        mine = effects[effects["campaign_id"] == campaign_id]
        for _, row in measures.table.iterrows():
            wanted = TRUTH.get(row["metric"])
            tau = mine[(mine["metric"] == wanted) & (mine["arm"] == row["arm"])]["tau"]
            if wanted is None or tau.empty:
                continue
            rows.append(
                {
                    "seed": seed,
                    "campaign": campaign_id,
                    "arm": row["arm"],
                    "metric": row["metric"],
                    "method": row["method"],
                    "basis": row["basis"],
                    "truth": tau.mean(),
                    "estimate": row["estimate"],
                    "se": row["se"],
                    "holds": row["lower"] <= tau.mean() <= row["upper"],
                }
            )
        found = post_mortem.find_hunters(case, measures)
        takers = found.people[(found.people["n_rewards"] > 0) & (found.people["arm"] != case.control)]
        flagged = found.table[found.table["rule"] == "flagged"].iloc[0]
        true_share = takers["customer_id"].isin(hunters).mean() if len(takers) else float("nan")
        checks.append(
            {
                "seed": seed,
                "campaign": campaign_id,
                "is_broken": bool(planted.loc[campaign_id, "is_broken"]),
                "tier": measures.split["tier"] if measures.split else "",
                "hunter_share": flagged["flagged_share"],
                "true_share": true_share,
                "holds": flagged["lower"] <= true_share <= flagged["upper"],
            }
        )
    return rows, checks


def summary(rows: pd.DataFrame, checks: pd.DataFrame) -> str:
    """Write the results as Markdown."""
    lines = [
        "| campaign | arm | metric | method | truth (mean) | estimate (mean) | error ÷ s.e. (mean) | intervals that hold it |"
    ]
    lines.append("|:--|:--|:--|:--|--:|--:|--:|--:|")
    for key, group in rows.groupby(["campaign", "arm", "metric", "method"], sort=True):
        campaign, arm, metric, method = key
        off = ((group["estimate"] - group["truth"]) / group["se"]).mean()
        broken = " (split broken: no cause claimed)" if (group["basis"] == "broken_split").all() else ""
        lines.append(
            f"| {campaign} | {arm} | {metric} | {method}{broken} | {group['truth'].mean():.2f} | {group['estimate'].mean():.2f} "
            f"| {off:+.2f} | {int(group['holds'].sum())} of {len(group)} |"
        )
    lines += [
        "",
        "| campaign | split broken as planted | found broken | hunters' share, truth | flagged | intervals that hold it |",
    ]
    lines.append("|:--|:--|--:|--:|--:|--:|")
    for campaign, group in checks.groupby("campaign", sort=True):
        known = group.dropna(subset=["true_share"])
        lines.append(
            f"| {campaign} | {'yes' if group['is_broken'].all() else 'no'} | {int((group['tier'] == 'broken').sum())} of {len(group)} "
            f"| {known['true_share'].mean():.3f} | {known['hunter_share'].mean():.3f} | {int(known['holds'].sum())} of {len(known)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Build banks of several seeds, review all campaigns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=4_000)
    asked = parser.parse_args()
    rows, checks = [], []
    begun = time.perf_counter()
    for seed in range(1, asked.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            bank = sample.build(Path(folder) / "bank", customers=asked.customers, seed=seed)
            found, checked = review(banks.open(bank), bank / "truth", seed)
        rows += found
        checks += checked
    print(summary(pd.DataFrame(rows), pd.DataFrame(checks)))
    print(f"\n{asked.seeds} seeds of {asked.customers:,} customers, {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    main()
