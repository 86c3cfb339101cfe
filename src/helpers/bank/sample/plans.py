"""The past campaigns: what was planned, and what was planted in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from helpers.bank.sample.window import Window

EFFECT_DAYS = 28  # the metric active_days counts distinct active days in the days 0 … 27 from the launch
DURABLE_DAYS = 90
HOLD_OUT = "control"


@dataclass(frozen=True)
class Reward:
    """A benefit: which success earns it, and what it costs.

    Attributes
    ----------
    kind : str
        Slug of the benefits' catalogue.
    cost : float
        Mean cost; single rewards spread around it by `spread` (0: all the same).
    every : int
        Earned by each `every`-th success of a customer.
    """

    kind: str
    cost: float
    every: int = 1
    spread: float = 0.0


@dataclass(frozen=True)
class Plan:
    """One past campaign.

    Attributes
    ----------
    arms : tuple of (name, weight)
        The hold-out among them where there is one.
    lift : mapping of arm to float
        Chance that a taking-part customer adds activity on a day that was idle; the planted effect's size.
    takes_part : float
        Usual chance that a treated customer takes part.
    budget_each, reach : float
        Budget for each customer to be assigned; these as a share of all customers, as it was planned.
    assets : float
        Durable new money of a customer who takes part, as a share of assets (at most 300,000 counted).
    drops_active : float
        Chance that a treated customer who was active before is lost from the list: a broken randomisation.
    wakes : float
        Chance that a silent customer who takes part comes back for good.
    waves : tuple of (first day, branches)
        The branches' own first days; the campaign is then not randomised.
    succeeds, most_successes : float, int
        Chance of the success event on a campaign day of who takes part, and how many a customer can have.
    planted : str
        ``adds``, ``nothing``, ``pulls_forward`` or ``rotates``: what the campaign really did.
    """

    campaign_id: str
    form: str
    en: str
    zh: str
    launch: str
    ends: str
    segment: str
    success_event: str
    arms: tuple[tuple[str, float], ...]
    takes_part: float
    rewards: dict[str, tuple[Reward, ...]]
    channels: tuple[tuple[str, float], ...]
    budget_each: float
    reach: float
    planted: str = "adds"
    lift: dict[str, float] = field(default_factory=dict)
    assets: float = 0.0
    pulls_assets: bool = False
    drops_active: float = 0.0
    wakes: float = 0.0
    waves: tuple[tuple[str, tuple[str, ...]], ...] = ()
    succeeds: float = 0.85
    most_successes: int = 28

    @property
    def is_randomised(self) -> bool:
        """True where the arm was drawn by chance (even if the draw was spoilt afterwards)."""
        return not self.waves

    def planned(self, customers: int) -> int:
        """Customers to be assigned, as it was planned."""
        return max(round(self.reach * customers, -1), 10)

    def budget(self, customers: int) -> float:
        """Budget granted in a bank of so many customers."""
        return round(self.budget_each * self.planned(customers), -2) + 100.0

    def weight(self, arm: str) -> float:
        """Planned share of an arm."""
        return dict(self.arms)[arm]


_TWO = ((HOLD_OUT, 0.5), ("treatment", 0.5))
_PUSH = (("app_push", 0.75), ("sms", 0.25))

PLANS = (
    Plan(
        "K002", "quiz", "Spring finance quiz", "春季金融知识答题", "2024-03-11", "2024-03-31", "all",
        "answer_quiz", ((HOLD_OUT, 0.3), ("treatment", 0.7)), 0.34,
        {"treatment": (Reward("points", 0.8), Reward("coupon", 5.0, every=4))},
        _PUSH, 1.6, 0.35, lift={"treatment": 0.055}, pulls_assets=True, wakes=0.2,
    ),
    Plan(
        "K003", "lucky_draw", "May lucky draw", "五月幸运抽奖", "2024-04-22", "2024-05-12", "all",
        "draw_prize", _TWO, 0.42,
        {"treatment": (Reward("cash_red_packet", 3.2, spread=1.1),)},
        (("banner", 0.5), ("app_push", 0.5)), 1.3, 0.37, lift={"treatment": 0.05}, drops_active=0.8,
        most_successes=6,
    ),
    Plan(
        "K006", "discount_day", "Mid-year bill-payment rebate", "年中缴费立减", "2024-06-03", "2024-06-23", "all",
        "pay", _TWO, 0.45,
        {"treatment": (Reward("instant_discount", 2.0, spread=0.4),)},
        _PUSH, 2.0, 0.41, planted="pulls_forward", lift={"treatment": 0.33},
    ),
    Plan(
        "K004", "discount_day", "Wednesday discount day", "周三优惠日", "2024-09-02", "2024-11-24", "all",
        "pay", (("treatment", 1.0),), 0.40,
        {"treatment": (Reward("instant_discount", 4.0, spread=0.5),)},
        (("banner", 0.6), ("app_push", 0.4)), 7.0, 0.39, lift={"treatment": 0.075},
        waves=(
            ("2024-09-02", ("Harbour", "Tech Park")),
            ("2024-09-30", ("Riverside", "North Gate")),
            ("2024-10-28", ("Old Town", "University")),
        ),
    ),
    Plan(
        "K007", "asset_uplift", "Year-end asset climb", "岁末资产提升", "2024-12-02", "2024-12-31", "with_assets",
        "buy_wealth", _TWO, 0.22,
        {"treatment": (Reward("cash", 60.0, every=1, spread=0.6),)},
        (("relationship_manager", 0.25), ("app_push", 0.5), ("sms", 0.25)), 6.5, 0.27,
        planted="rotates", lift={"treatment": 0.02}, assets=0.012,
        most_successes=1,
    ),
    Plan(
        "K005", "red_packet", "New-year red packet rain", "新春红包雨", "2025-01-20", "2025-02-09", "small_assets",
        "claim_red_packet", _TWO, 0.30,
        {"treatment": (Reward("cash_red_packet", 2.6, spread=0.8),)},
        (("app_push", 0.6), ("sms", 0.2), ("short_video", 0.2)), 1.4, 0.36, planted="nothing", lift={"treatment": 0.0},
        most_successes=8,
    ),
    Plan(
        "K009", "points_mall", "Women's festival", "女神节专享", "2025-03-03", "2025-03-16", "women",
        "claim_gift", ((HOLD_OUT, 1 / 3), ("points", 1 / 3), ("gift", 1 / 3)), 0.40,
        {"points": (Reward("points", 1.5),), "gift": (Reward("physical_gift", 12.0, every=2),)},
        _PUSH, 3.0, 0.26, lift={"points": 0.06, "gift": 0.105}, pulls_assets=True, wakes=0.3,
    ),
    Plan(
        "K010", "checkin", "Spring check-in", "春日签到", "2025-04-07", "2025-05-04", "all",
        "checkin", ((HOLD_OUT, 0.2), ("treatment", 0.8)), 0.33,
        {"treatment": (Reward("points", 0.3), Reward("coupon", 6.0, every=7))},
        _PUSH, 1.1, 0.55, lift={"treatment": 0.085}, pulls_assets=True, wakes=0.35,
    ),
    Plan(
        "K008", "invite", "Bring a friend", "邀请好友有礼", "2025-06-02", "2025-06-29", "all",
        "invite", ((HOLD_OUT, 0.1), ("treatment", 0.9)), 0.12,
        {"treatment": (Reward("cash", 20.0),)},
        (("app_push", 0.7), ("wecom", 0.3)), 5.0, 0.56, lift={"treatment": 0.03},
        succeeds=0.6, most_successes=3,
    ),
    Plan(
        "K001", "checkin", "Silver check-in", "银发签到有礼", "2025-09-08", "2025-10-05", "silver",
        "checkin", ((HOLD_OUT, 0.3), ("treatment", 0.7)), 0.42,
        {"treatment": (Reward("points", 0.4), Reward("coupon", 8.0, every=7))},
        (("app_push", 0.45), ("sms", 0.30), ("wecom", 0.15), ("call", 0.10)), 2.6, 0.18,
        lift={"treatment": 0.12}, assets=0.015, pulls_assets=True, wakes=0.9,
    ),
)  # fmt: skip
INVITE = "K008"


def plans_in(window: Window) -> tuple[Plan, ...]:
    """Return the campaigns whose launch lies at least 60 days inside the log, in order of time."""
    return tuple(plan for plan in PLANS if window.day(plan.launch) >= 60)


def launches_in(window: Window) -> dict[str, int]:
    """Return the first days of these campaigns."""
    return {plan.campaign_id: window.day(plan.launch) for plan in plans_in(window)}
