"""The site builds without a warning, links only to what is there, loads nothing else, and agrees with the code."""

import ast
import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from site_extension import notebook_pages, reference
from site_extension.code_pages import definitions

from omni_ref import OmniConfig

ROOT = Path(__file__).parents[1]
LOADING = ("src", "srcset", "poster", "data")  # attributes whose value a browser loads
LOADED_LINKS = ("stylesheet", "icon", "preload", "modulepreload", "manifest")


class Page(HTMLParser):
    """What a test asks of a page: ids, links, what it loads, pictures, sounds, tables, code."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.loaded, self.pictures, self.sounds = set(), [], [], [], []
        self.rows, self.code, self._in = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, pairs):
        attributes = dict(pairs)
        self.ids |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "link" and set(attributes.get("rel", "").split()) & set(LOADED_LINKS):
            self.loaded.append(attributes["href"])
        self.loaded += [attributes[name] for name in LOADING if attributes.get(name)]
        if tag == "img":
            self.pictures.append(attributes.get("alt") or "")
        if tag == "audio":
            self.sounds.append(attributes.get("aria-label") or "")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag == "pre":
            self.code.append("")
        if attributes.get("class") == "linenos":
            self._in.add("linenos")
        elif tag in ("td", "th", "pre"):
            self._in.add(tag)

    def handle_endtag(self, tag):
        self._in -= {tag, "linenos"} if tag == "span" else {tag}

    def handle_data(self, data):
        if self._in & {"td", "th"}:
            self.rows[-1][-1] += data
        if "pre" in self._in and "linenos" not in self._in:
            self.code[-1] += data


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", "docs", ".", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site) -> dict[str, Page]:
    return {path.relative_to(site).as_posix(): Page(path.read_text(encoding="utf8")) for path in site.rglob("*.html")}


def broken_links(name: str, page: Page, site: Path, pages: dict[str, Page]) -> list[str]:
    """Links of a page that lead nowhere within the site."""
    broken = []
    for link in page.links:
        if re.match(r"(https?|mailto):", link):
            continue
        path, fragment = map(unquote, urldefrag(link))
        target = (site / name).parent / path if path else site / name
        found = target.resolve()
        ids = pages[found.relative_to(site).as_posix()].ids if found.suffix == ".html" and found.is_file() else set()
        if not found.is_file() or (fragment and fragment not in ids):
            broken.append(link)
    return broken


def foreign(loaded: list[str]) -> list[str]:
    """What comes from another host."""
    return [url for url in loaded if re.match(r"(?!data:)(\w+:)?//|https?:", url)]


def test_every_internal_link_leads_to_a_page_and_a_place_in_it(site, pages):
    assert {name: wrong for name, page in pages.items() if (wrong := broken_links(name, page, site, pages))} == {}


def test_a_broken_link_would_be_found(site, pages):
    wrong = ["nowhere.html", "index.html#nowhere", "../nowhere.png"]
    right = ["index.html", "index.html#limits", "../_static/site.css", "https://example.org"]
    page = Page("".join(f'<a href="{link}">' for link in wrong + right))
    assert broken_links("docs/trial.html", page, site, pages) == wrong


def test_nothing_comes_from_another_host(site, pages):
    assert {name: wrong for name, page in pages.items() if (wrong := foreign(page.loaded))} == {}
    for path in site.rglob("*.css"):
        assert foreign(re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", path.read_text(encoding="utf8"))) == [], path
    page = Page('<script src="https://a.org/x.js"></script><link rel="stylesheet" href="//a.org"><img src="data:x,">')
    assert len(foreign(page.loaded)) == 2


def test_every_notebook_page_and_file_of_the_package_is_on_the_site(pages):
    lessons = {f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")}
    written = {f"docs/{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    code = {path.relative_to(ROOT).with_suffix(".html").as_posix() for path in (ROOT / "omni_ref").rglob("*.py")}
    assert lessons | written | code <= set(pages)
    listed = {link.split("#")[0] for link in pages["docs/code.html"].links}
    documented = {
        name
        for name in code
        if ast.get_docstring(ast.parse((ROOT / name).with_suffix(".py").read_text(encoding="utf8")))
    }
    assert {f"../{name}" for name in documented} <= listed


def test_every_picture_says_in_words_what_it_shows_and_every_sound_what_it_is(pages):
    silent = [(name, text) for name, page in pages.items() for text in page.pictures if len(text.split()) < 3]
    assert silent == []
    assert sum(len(page.pictures) for page in pages.values()) > 100
    sounds = [sound for page in pages.values() for sound in page.sounds]
    assert len(sounds) > 20 and all(re.fullmatch(r"Sound\([\d.]+ s at \d+ Hz\)", sound) for sound in sounds)


def test_a_figure_that_nothing_describes_is_an_error():
    texts = {"sound.waves": "Samples against time."}
    drawn = notebook_pages.functions("def draw(n):\n    return plots.sound.waves(n)")
    said = notebook_pages.picture_text("LiveFigure(draw, n=(1, 3))", drawn, "LiveFigure(draw: n=2)", texts)
    assert said == "Samples against time. Drawn for n=2."
    with pytest.raises(ValueError, match="no alternative text"):
        notebook_pages.picture_text("axes.figure", drawn, "<Figure>", texts)


def axes_of(source: str) -> set[str]:
    """Every name of an axis in the annotations of some code."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            shape = node.slice.elts[1]
            if isinstance(shape, ast.Constant) and isinstance(shape.value, str):
                found |= set(re.findall(r"[a-z]\w*", shape.value))
    return found


def test_the_glossary_explains_every_axis_and_no_other():
    used = set().union(*(axes_of(path.read_text(encoding="utf8")) for path in (ROOT / "omni_ref").rglob("*.py")))
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf8").split("## Terms")[0]
    assert set(re.findall(r"^([a-z_]+)\n  \S", text, re.MULTILINE)) == used
    assert axes_of('def f(x: Float[Tensor, "#batch *lead 1 time _ ..."]): y[0, "a"]') >= {"batch", "lead", "time"}


def written(value: object) -> str:
    """A value of a configuration as the page should show it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def test_the_configuration_page_shows_every_field_in_every_size(pages):
    rows = pages["docs/configuration.html"].rows
    sizes = [getattr(OmniConfig, size)() for size in ("full", "mini", "tiny")]
    for part in dataclasses.fields(OmniConfig):
        kind, parts = part.default_factory, [getattr(size, part.name) for size in sizes]
        properties = [name for name, member in vars(kind).items() if isinstance(member, property)]
        for name in [field.name for field in dataclasses.fields(kind)] + properties:
            values = [getattr(one, name) for one in parts]
            shown = [written(value) for value in values]
            found = [row for row in rows if row[:4] == [name, *shown]]
            assert found and all(len(row[4].split()) > 1 for row in found), (part.name, name, shown)


def test_side_by_side_is_what_notebook_10_printed(pages):
    rows = {row[0]: row[1:] for row in pages["docs/side-by-side.html"].rows}
    assert {"AuT", "Thinker", "Talker", "Code2Wav", "experts", "bit rate", "first sound"} <= set(rows)
    notebook = json.loads((ROOT / "notebooks" / "10_full_size.ipynb").read_text(encoding="utf8"))
    texts = ["".join(output.get("text", "")) for cell in notebook["cells"] for output in cell.get("outputs", [])]
    printed = " ".join("\n".join(text for text in texts if "released Qwen3-Omni" in text).split())
    assert all(rows[name][0] in printed for name in ("AuT", "Thinker", "experts", "bit rate", "Code2Wav"))
    assert reference.printed_table(["   specification released", "a  one           two", "   more          "]) == [
        ("a", "one more", "two")
    ]


def test_a_page_of_code_is_the_file(pages):
    for name in ("omni_ref/config", "omni_ref/blocks/moe", "omni_ref/training/run"):
        shown = [line for block in pages[f"{name}.html"].code for line in block.splitlines() if line.strip()]
        text = (ROOT / f"{name}.py").read_text(encoding="utf8")
        assert shown == [line for line in text.splitlines() if line.strip()]
        assert {label.lower().replace("_", "-") for label, _ in definitions(text)} <= pages[f"{name}.html"].ids


def test_links_of_the_map_lead_to_code_and_notebooks(pages):
    links = pages["docs/architecture.html"].links
    boxes = (ROOT / "docs" / "architecture.md").read_text(encoding="utf8").count("{container} box")
    assert boxes > 15 and sum(link.startswith("../omni_ref/") for link in links) == boxes
    lessons = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {link.split("/")[-1].removesuffix(".html") for link in links if "../notebooks/" in link} >= lessons
