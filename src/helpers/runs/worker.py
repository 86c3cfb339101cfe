"""What a worker needs, imported once before workers are forked; nothing here starts a thread."""

from __future__ import annotations

import nbclient
import nbconvert.exporters
import papermill

from helpers.reporting import pages
from helpers.runs import kernel, step

__all__ = ["kernel", "nbclient", "nbconvert", "pages", "papermill", "step"]
