"""Links to what has no page of its own: a folder leads to the page that lists it, README.md to the start page,
a section of README.md to the page that shows it.

And a repair of the theme: its captions in the sidebar say that they are headings, and not of which level.
"""

import os
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from .reference import PLACES

INSTEAD = {
    "README": ("docs/index", None),
    "omni_ref": ("docs/code", None),
    "omni_ref/blocks": ("docs/code", "blocks"),
    "omni_ref/lab": ("docs/code", "lab"),
    "omni_ref/training": ("docs/code", "training"),
    "notebooks": ("docs/notebooks", None),
    "notebooks/solutions": ("docs/solutions", None),
    "tests": ("docs/testing", None),
}


class Instead(SphinxPostTransform):
    """Runs before MyST looks for the targets of links, so that it finds, or misses, those that stand instead."""

    default_priority = 5

    def run(self, **_) -> None:
        """Called by Sphinx for each page."""
        root = Path(self.env.srcdir)
        for node in list(self.document.findall(pending_xref)):
            if node["reftype"] != "myst" or not node["reftarget"]:
                continue
            anchor = node.get("reftargetid")
            place = root / node["reftarget"]  # of a page
            if node["refdomain"] != "doc":
                path, _, anchor = node["reftarget"].partition("#")
                place = (root / node["refdoc"]).parent / path
            name = Path(os.path.relpath(place, root)).as_posix()
            if name == "README" and anchor in PLACES:
                page, _, section = PLACES[anchor].partition("#")
                node["refdomain"], node["reftarget"], node["reftargetid"] = "doc", f"docs/{page[:-3]}", section or None
            elif name in INSTEAD:
                page, section = INSTEAD[name]
                node["refdomain"], node["reftarget"], node["reftargetid"] = "doc", page, anchor or section


def say_level(_app: Sphinx, _page: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Called by Sphinx for each page, after the theme."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("html-page-context", say_level, priority=900)
    app.add_post_transform(Instead)
