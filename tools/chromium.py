"""Headless Chromium for the tools that browse; CHROMIUM names it, if neither `chromium` nor Chrome is on the path."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

FLAGS = (
    "no-sandbox",
    "disable-gpu",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "no-first-run",
)


def launch(playwright: Playwright, *more: str) -> Browser:
    """A browser that asks nobody but the pages it is sent to, with `more` flags. FileNotFoundError if there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        raise FileNotFoundError("no Chromium: install it, or name it in CHROMIUM")
    return playwright.chromium.launch(executable_path=path, args=[f"--{flag}" for flag in (*FLAGS, *more)])
