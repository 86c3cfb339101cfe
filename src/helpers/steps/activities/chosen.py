"""The form that the plan goes on with, and what it is called from here on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from helpers.metrics.forms import Form
    from helpers.steps.activities.plan import Plan
    from helpers.steps.activities.sizing import Sizing


@dataclass(frozen=True)
class ChosenForm:
    """The form chosen, with its terms as they will run.

    Attributes
    ----------
    slug : str
    form : Form
        The catalogue's entry with the rewards as sized.
    written : Form
        The catalogue's entry as it stands.
    sizing : Sizing
    row : dict
        Its row of the ranking.
    plan : Plan
        The plan with form, campaign_id and salt filled in.
    is_own_choice : bool
        True if the analyst named the form.
    """

    slug: str
    form: Form
    written: Form
    sizing: Sizing
    row: dict
    plan: Plan
    is_own_choice: bool


def choose_form(ranking: pd.DataFrame, sizings: dict[str, Sizing], plan: Plan) -> ChosenForm:
    """Take the plan's form, or the best ranked one, and name the campaign.

    The id and the salt, where the plan leaves them empty, are composed of segment, form, launch and branch: a new
    campaign draws anew, so that nobody is held out for ever.
    """
    slug = plan.form or str(ranking["form"].iloc[0])
    sizing = sizings[slug]
    row = ranking[ranking["form"] == slug].iloc[0].to_dict()
    where = f"-{plan.branch.lower().replace(' ', '-')}" if plan.branch else ""
    composed = f"{plan.segment}-{slug}-{plan.starts_date:%Y%m%d}{where}"
    campaign_id = plan.campaign_id or composed
    named = replace(plan, form=slug, campaign_id=campaign_id, salt=plan.salt or campaign_id)
    form = sizing.form.model_copy(update={"terms": sizing.terms})
    return ChosenForm(slug, form, sizing.form, sizing, row, named, bool(plan.form))
