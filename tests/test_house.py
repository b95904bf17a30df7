"""Rules of the house that a reader relies on: no shape in a comment, short files, every public name says what it is."""

import ast
import importlib
import inspect
import io
import re
import tokenize
from pathlib import Path

import jaxtyping
import pytest
import torch

from omni_ref.aut_encoder import real_positions

ROOT = Path(__file__).parents[1]
PACKAGE = sorted((ROOT / "omni_ref").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
AROUND = sorted(path for folder in ("tools", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py"))
AXES = r"(B|N|T|S|L|H|D|C|K|E|batch|time|frames|samples|mels|hidden|heads|kv_heads|head_dim|experts|codebooks|vocab)"
SHAPE = re.compile(rf"[(\[] ?({AXES}|\d+) ?(, ?({AXES}|\d+|-1|\.\.\.) ?)+,? ?[)\]]")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("path", PACKAGE + TESTS, ids=named)
def test_no_shape_lives_in_a_comment(path):
    assert [comment for comment in comments(path.read_text(encoding="utf8")) if SHAPE.search(comment)] == []


def test_a_shape_in_a_comment_would_be_found():
    assert SHAPE.search("# (batch, time, hidden)") and SHAPE.search("# [B, T]") and SHAPE.search("# (2, 3, 4)")
    assert not SHAPE.search("# Whisper (Radford et al. 2022) has log10 (and a floor)")


@pytest.mark.parametrize("path", PACKAGE + TESTS + AROUND, ids=named)
def test_no_file_is_longer_than_300_lines(path):
    assert len(path.read_text(encoding="utf8").splitlines()) <= 300


def code_lines(path: Path) -> int:
    """Lines that hold code: blank lines, comments and docstrings do not count."""
    source = path.read_text(encoding="utf8")
    tree = ast.parse(source)
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in layout
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node)
        if documented:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_the_model_and_its_pipeline_stay_under_2000_lines_of_code():
    outside = {"training", "lab"}
    core = [path for path in PACKAGE if path.relative_to(ROOT / "omni_ref").parts[0] not in outside]
    assert 1000 < sum(map(code_lines, core)) < 2000


def public_names() -> list[tuple[str, str]]:
    """Every public function, class and method of the package, by module."""
    found = []
    for path in PACKAGE:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf8")).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
                found.append((module, node.name))
            if isinstance(node, ast.ClassDef):
                methods = [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
                found += [(module, f"{node.name}.{name}") for name in methods if not name.startswith("_")]
    return found


@pytest.mark.parametrize(("module", "name"), public_names(), ids=lambda value: value)
def test_every_public_name_says_what_it_is(module, name):
    holder = importlib.import_module(module)
    for part in name.split("."):
        holder = inspect.getattr_static(holder, part)
    described = holder.fget if isinstance(holder, property) else getattr(holder, "__func__", holder)
    inherited = name.endswith((".forward", ".to_json"))
    written = (described.__doc__ or "").strip()
    by_python = inspect.isclass(described) and written.startswith(f"{described.__name__}(")  # a dataclass's own
    assert (written and not by_python) or inherited


def test_annotations_of_shapes_are_enforced_while_tests_run():
    with pytest.raises(jaxtyping.TypeCheckError):
        real_positions(torch.zeros(2, 3, dtype=torch.long), 4)
