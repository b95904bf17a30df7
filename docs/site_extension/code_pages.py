"""A page for every Python file: its text, line by line, with a heading at each class and function to link to.

A link from a page or a notebook to `../omni_ref/config.py` leads to that page, `../omni_ref/config.py#OmniConfig` to
the class. On GitHub the same link opens the file.
"""

import ast
import re
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.parsers import Parser


def definitions(source: str) -> list[tuple[str, int]]:
    """Names of the top-level classes and functions, and the line where each begins: its comment or decorator."""
    lines, found = source.splitlines(), []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            while first > 1 and lines[first - 2].startswith("#"):
                first -= 1
            found.append((node.name, first))
    return found


@cache
def notebooks_about(root: Path) -> dict[str, list[str]]:
    """For each file of the package, the notebooks that link to it."""
    about: dict[str, list[str]] = {}
    for notebook in sorted((root / "notebooks").glob("*.ipynb")):
        for name in set(re.findall(r"\]\(\.\./([\w/]+\.py)", notebook.read_text(encoding="utf8"))):
            about.setdefault(name, []).append(notebook.stem)
    return about


class PythonParser(Parser):
    """Makes a document of a Python file."""

    supported = ("python",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Called by Sphinx for each file."""
        env = document.settings.env
        name = f"{env.docname}.py"
        page = nodes.section(ids=["file"])
        page += nodes.title("", "", nodes.literal("", name))
        if notebooks := notebooks_about(Path(env.srcdir)).get(name):
            page += self._explained_in(notebooks, env.docname)
        lines, slugs = inputstring.splitlines(), {}
        starts = definitions(inputstring)
        borders = [first for _, first in starts] + [len(lines) + 1]
        self._add_code(page, lines, 1, borders[0])
        for (title, first), end in zip(starts, borders[1:], strict=True):
            section = nodes.section(ids=[nodes.make_id(title) or title])
            section += nodes.title("", "", nodes.literal("", title))
            self._add_code(section, lines, first, end)
            page += section
            slugs[title] = (first, section["ids"][0], title)
        document += page
        env.metadata[env.docname] |= {"orphan": True, "myst_slugs": slugs}

    def _explained_in(self, notebooks: list[str], docname: str) -> nodes.paragraph:
        """Links to the notebooks; their titles are put in once all pages have been read."""
        paragraph = nodes.paragraph("", "Explained in: ")
        for i, name in enumerate(notebooks):
            target = {"reftype": "doc", "refdomain": "std", "reftarget": f"/notebooks/{name}", "refexplicit": False}
            link = pending_xref("", nodes.inline("", name), refdoc=docname, refwarn=True, **target)
            paragraph += [nodes.Text(", " if i else ""), link]
        return paragraph

    def _add_code(self, parent: nodes.Element, lines: list[str], first: int, end: int) -> None:
        """Lines from `first` up to `end`, if there is anything in them."""
        text = "\n".join(lines[first - 1 : end - 1]).rstrip()
        if text.strip():
            block = nodes.literal_block(text, text, language="python", linenos=True)
            block["highlight_args"] = {"linenostart": first}
            parent += block


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_source_suffix(".py", "python")
    app.add_source_parser(PythonParser)
