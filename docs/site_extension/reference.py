"""Directives whose content is read from the code, the notebooks and the README when the site is built."""

import ast
import dataclasses
import io
import json
import re
import tokenize
from abc import ABC, abstractmethod
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from omni_ref import OmniConfig

from .code_pages import notebooks_about

SIZES = ("full", "mini", "tiny")
PLACES = {  # where the sections of README.md are on the site
    "the-notebooks": "notebooks.md",
    "how-to-read-it": "notebooks.md#how-to-read-it",
    "use-it": "index.md#use-it",
    "set-it-up": "set-it-up.md",
    "in-ci": "testing.md#in-ci",
    "what-is-proven": "testing.md",
    "limits": "index.md#limits",
}


def row(*cells: object) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table."""
    return "\n".join([row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows), ""])


def field_comments(source: str) -> dict[tuple[str, str], str]:
    """What the comment beside each field of each class says."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    return {
        (node.name, part.target.id): comments[part.lineno]
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and part.lineno in comments
    }


def first_line(documented: object) -> str:
    """The first line of a docstring."""
    return (documented.__doc__ or "").strip().split("\n")[0]


def shown(value: object) -> str:
    """A value as the reference shows it."""
    return f"{value:g}" if isinstance(value, float) else str(list(value) if isinstance(value, tuple) else value)


class Generated(SphinxDirective, ABC):
    """A directive that is written in Markdown by `markdown`."""

    @abstractmethod
    def markdown(self) -> str:
        """The text that stands instead of the directive."""

    @property
    def root(self) -> Path:
        """The repository."""
        return Path(self.env.srcdir)

    def run(self) -> list:
        """Called by Sphinx."""
        return self.parse_text_to_nodes(self.markdown(), allow_section_headings=True)


class ConfigReference(Generated):
    """Each configuration: its fields in three sizes with what they mean, then what is derived from them."""

    def markdown(self) -> str:
        """A section for each part of OmniConfig."""
        path = self.root / "omni_ref" / "config.py"
        self.env.note_dependency(str(path))
        comments = field_comments(path.read_text(encoding="utf8"))
        sizes = [getattr(OmniConfig, size)() for size in SIZES]
        return "\n".join(self._part(part, sizes, comments) for part in dataclasses.fields(OmniConfig))

    def _part(self, part: dataclasses.Field, sizes: list[OmniConfig], comments: dict) -> str:
        kind = part.default_factory
        parts = [getattr(size, part.name) for size in sizes]

        def line(name: str, said: str) -> tuple:
            return (f"`{name}`", *(shown(getattr(one, name)) for one in parts), said)

        fields = [line(field.name, comments[kind.__name__, field.name]) for field in dataclasses.fields(kind)]
        members = vars(kind).items()
        derived = [line(name, first_line(member)) for name, member in members if isinstance(member, property)]
        text = f"## {part.name}\n\n[`{kind.__name__}`](../omni_ref/config.py#{kind.__name__}). {first_line(kind)}\n\n"
        text += table(("field", *SIZES, "what it is"), fields)
        return text + (f"\nDerived:\n\n{table(('property', *SIZES, 'what it is'), derived)}" if derived else "")


def printed_table(lines: list[str]) -> list[tuple[str, str, str]]:
    """Rows of a table printed in three columns, where the first line says where columns begin.

    A line without a name goes on with the row above it.
    """
    second, third = lines[0].index("specification"), lines[0].index("released")
    rows: list[tuple[str, str, str]] = []
    for line in lines[1:]:
        name, ours, theirs = line[:second].rstrip(), line[second:third].strip(), line[third:].strip()
        if not name:
            last = rows.pop()
            name, ours, theirs = last[0], f"{last[1]} {ours}".strip(), f"{last[2]} {theirs}".strip()
        rows.append((name, ours, theirs))
    return rows


class SideBySide(Generated):
    """The tables "specification, released Qwen3-Omni" that notebook 10 printed, as one."""

    def markdown(self) -> str:
        """A row for each line; a component's name is bold, what is indented under it is not."""
        path = self.root / "notebooks" / "10_full_size.ipynb"
        self.env.note_dependency(str(path))
        printed = [
            "".join(output["text"]).splitlines()
            for cell in json.loads(path.read_text(encoding="utf8"))["cells"]
            for output in cell.get("outputs", [])
            if output["output_type"] == "stream"
        ]
        found = [lines for lines in printed if lines[0].split() == ["specification", "released", "Qwen3-Omni"]]
        rows = [line for lines in found for line in printed_table(lines)]
        named = [(name.strip() if name.startswith(" ") else f"**{name}**", ours, theirs) for name, ours, theirs in rows]
        return table(("", "the specification", "the released Qwen3-Omni"), named)


class CodeIndex(Generated):
    """The Python files of a folder, what each is in one sentence, and the notebooks that link to it, if any."""

    required_arguments = 1

    def markdown(self) -> str:
        """A row a file, which links to its page."""
        rows = []
        for path in sorted((self.root / self.arguments[0]).glob("*.py")):
            said = ast.get_docstring(ast.parse(path.read_text(encoding="utf8")))
            if said:
                sentence = re.split(r"(?<=\.)\s", said.split("\n\n")[0].replace("\n", " "))[0]
                name = path.relative_to(self.root).as_posix()
                explained = notebooks_about(self.root).get(name, [])
                links = ", ".join(f"[{notebook[:2]}](../notebooks/{notebook}.ipynb)" for notebook in explained)
                rows.append((f"[`{path.name}`](../{name})", sentence.rstrip(":"), links))
        if any(links for _, _, links in rows):
            return table(("file", "what it is", "notebooks"), rows)
        return table(("file", "what it is"), [row[:2] for row in rows])


class Readme(Generated):
    """A section of README.md without its heading; without an argument, what stands before its first section."""

    optional_arguments = 1
    final_argument_whitespace = True

    def markdown(self) -> str:
        """The text, its links as seen from docs/."""
        path = self.root / "README.md"
        self.env.note_dependency(str(path))
        first, *others = re.split(r"^## ", path.read_text(encoding="utf8"), flags=re.MULTILINE)
        sections = dict(section.split("\n", 1) for section in others)
        if self.arguments and self.arguments[0] not in sections:
            raise self.error(f"README.md has no section {self.arguments[0]!r}, only {', '.join(sections)}")
        text = sections[self.arguments[0]] if self.arguments else first.split("\n", 1)[1]
        text = re.sub(r"(\]\(|src=\")(?!https?:|#|data:)", r"\1../", text)
        return re.sub(r"\]\(#([\w-]+)\)", lambda link: f"]({PLACES[link[1]]})", text)


def numbers() -> dict[str, str]:
    """What pages write as {{ name }}: rates and sizes of the specification."""
    config = OmniConfig.full()
    ears, voice = config.aut_encoder, config.code2wav
    texts = {
        "sample_rate": f"{ears.sample_rate / 1000:g} kHz",
        "mel_rate": f"{ears.mel_rate} Hz",
        "n_mels": str(ears.n_mels),
        "token_rate": f"{ears.token_rate} Hz",
        "codec_rate": f"{voice.num_codebooks} × {voice.frame_rate} Hz",
        "upsampling": f"× {voice.samples_per_frame}",
    }
    return {name: text.replace(" ", "\N{NO-BREAK SPACE}") for name, text in texts.items()}


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.config.myst_substitutions = numbers()
    for directive in (ConfigReference, SideBySide, CodeIndex, Readme):
        name = re.sub(r"(?<=.)(?=[A-Z])", "-", directive.__name__).lower()
        app.add_directive(name, directive)
