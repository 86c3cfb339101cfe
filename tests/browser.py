"""Opening a page as a reader without a network does; ``conftest.py`` has the browser itself as a fixture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium() -> str | None:
    """Path of the browser, None where there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


def open_page(browser: Any, file: Path, **settings: Any) -> tuple[Any, list[str]]:
    """Open a page offline and collect what it asks for and complains of."""
    context = browser.new_context(offline=True, **settings)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else trouble.append(f"asked for {request.url}")
        ),
    )
    page.goto(file.as_uri())
    return page, trouble
