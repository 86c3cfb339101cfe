"""Cox regression of lapses."""

from helpers.models.retention.cox.concordance import concordance
from helpers.models.retention.cox.model import CoxRetention

__all__ = ["CoxRetention", "concordance"]
