"""Notebooks as pages: what a figure shows is said in words, hints are formatted."""

import ast
import json
import re
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx

Functions = dict[str, ast.FunctionDef]


def functions(source: str) -> Functions:
    """The top-level functions of some code, by name."""
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def summary(node: ast.FunctionDef | ast.ClassDef) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].replace("`", "").split())


@cache
def lab_texts(lab: Path) -> dict[str, str]:
    """What a function of omni_ref.lab draws, by `module.function`, and what a class shows, by its name.

    What the classes of widgets.py show is said by the function that they are given.
    """
    texts = {}
    for path in sorted(lab.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf8")).body:
            if isinstance(node, ast.FunctionDef):
                texts[f"{path.stem}.{node.name}"] = summary(node)
            elif isinstance(node, ast.ClassDef) and path.stem != "widgets":
                texts[node.name] = summary(node)
    return texts


def named(node: ast.AST, drawn: Functions) -> list[str]:
    """All that code names, `name` or `module.function`, itself or through a function of the notebook."""
    found: list[str] = []
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, (ast.Attribute, ast.Name)):
            module = part.value.attr if isinstance(part.value, ast.Attribute) else part.value.id
            found.append(f"{module}.{part.attr}")
        elif isinstance(part, ast.Name):
            found.append(part.id)
            if part.id in drawn:
                found += named(drawn[part.id], {name: one for name, one in drawn.items() if name != part.id})
    return list(dict.fromkeys(found))


def picture_text(source: str, drawn: Functions, plain: str, texts: dict[str, str]) -> str:
    """Alternative text of the figure that is the value of a cell; ValueError if nothing says what it shows."""
    shown = ast.parse(source).body[-1]
    said = [texts[name] for name in named(shown, drawn) if texts.get(name)]
    if not said:
        raise ValueError(f"no alternative text for the figure of\n{source}\nexpected a function of omni_ref.lab")
    state = re.search(r"Figure\(\w+: (.*)\)", plain)
    return said[-1] + (f" Drawn for {state[1]}." if state else "")


def with_texts(notebook: dict, texts: dict[str, str]) -> dict:
    """The notebook with an alternative text for each picture; hints are Markdown."""
    drawn: Functions = {}
    for cell in notebook["cells"]:
        source = cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = re.sub(r"(</summary>)|(</details>)", r"\1\n\n\2", source)
        if cell["cell_type"] != "code":
            continue
        drawn |= functions(source)
        for output in cell["outputs"]:
            data = output.get("data", {})
            plain = "".join(data.get("text/plain", ""))
            if "image/png" in data:
                cell["metadata"]["mystnb"] = {"image": {"alt": picture_text(source, drawn, plain, texts)}}
    return notebook


def read_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Called by Sphinx with the text of every page."""
    if Path(app.env.doc2path(docname)).suffix == ".ipynb":
        texts = lab_texts(Path(app.srcdir) / "omni_ref" / "lab")
        source[0] = json.dumps(with_texts(json.loads(source[0]), texts))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", read_notebook)
