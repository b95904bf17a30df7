"""Open every page of the built site in a browser and see that it is fit to be read.

    make browse                                                  # the whole site
    python tools/browse_site.py build/site build/pictures --only docs/ --views light-390     # some pages

Each page is opened light and 1280 pixels wide, and dark and 390 pixels wide. It fails on: an error in the console, a
request to another host, a violation that axe-core holds to be serious or critical, a sound without a duration, a page
that is wider than the screen. Pictures of all go to a folder, to be looked at. It needs Chromium (CHROMIUM names
another one) and `pip install ".[browser]"`.
"""

import argparse
import functools
import http.server
import re
import sys
import threading
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from chromium import launch
from playwright.sync_api import Browser, Page, sync_playwright

VIEWS = {f"{scheme}-{width}": (scheme, width) for width in (1280, 390) for scheme in ("light", "dark")}
SOUNDS = """() => Promise.all([...document.querySelectorAll("audio")].map(sound => new Promise(done => {
    const tell = () => done(sound.duration);
    if (sound.readyState >= 1) tell();
    sound.addEventListener("loadedmetadata", tell);
    sound.addEventListener("error", () => done(0));
    sound.load();
})))"""
SERIOUS = ("serious", "critical")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_) -> None:
        """Not even this."""


def faults(page: Page, url: str, host: str, seen: dict[str, int]) -> list[str]:
    """What is wrong with a page, as it is opened now; `seen` counts its sounds."""
    found: list[str] = []
    on_console = lambda message: found.append(f"console: {message.text}") if message.type == "error" else None  # noqa: E731
    on_request = lambda request: (  # noqa: E731
        None if request.url.startswith((host, "data:", "blob:")) else found.append(f"request: {request.url}")
    )
    on_error = lambda error: found.append(f"script: {error}")  # noqa: E731
    watched = {"console": on_console, "request": on_request, "pageerror": on_error}
    for event, listener in watched.items():
        page.on(event, listener)
    page.goto(url)
    page.wait_for_load_state("load")
    durations = page.evaluate(SOUNDS)
    seen["sounds"] += len(durations)
    found += [f"sound {i}: no duration" for i, duration in enumerate(durations) if not duration > 0]
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in SERIOUS:
            where = "; ".join(str(node["target"]) for node in violation["nodes"][:3])
            found.append(f"axe: {violation['impact']} {violation['id']}, {len(violation['nodes'])} ×: {where}")
    width, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if width > screen:
        found.append(f"{width} pixels wide on a screen of {screen}")
    for event, listener in watched.items():
        page.remove_listener(event, listener)
    return found


def browse(
    browser: Browser, names: list[str], views: list[str], host: str, pictures: Path, seen: dict[str, int]
) -> list[str]:
    """Every page in each view; what is wrong, a line each, printed as it is found."""
    wrong = []
    for view in views:
        scheme, width = VIEWS[view]
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        for name in names:
            found = [f"{name} {view}: {fault}" for fault in faults(page, f"{host}/{name}", host, seen)]
            print("".join(f"{fault}\n" for fault in found), end="", flush=True)
            wrong += found
            picture = pictures / view / name.replace("/", "-").replace(".html", ".png")
            page.screenshot(path=picture, full_page=True)
            seen["views"] += 1
        page.close()
    return wrong


def main() -> None:
    """Exit status 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--only", default="", help="a regular expression: the pages to open")
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=["light-1280", "dark-390"], help="(%(default)s)")
    options = parser.parse_args()
    pages = [path.relative_to(options.site).as_posix() for path in sorted(options.site.rglob("*.html"))]
    names = [name for name in pages if re.search(options.only, name) and name != "index.html"]
    if not names:
        parser.error(f"{options.site} holds no page that matches {options.only!r}: make site builds them")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(options.site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seen = {"views": 0, "sounds": 0}
    with sync_playwright() as playwright:
        browser = launch(playwright)
        wrong = browse(browser, names, options.views, f"http://127.0.0.1:{server.server_port}", options.pictures, seen)
    print(f"{len(names)} pages, {seen['views']} views, {seen['sounds']} sounds, {len(wrong)} faults")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
