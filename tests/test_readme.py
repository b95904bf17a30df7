"""README and CONTRIBUTING do what they say: their commands run, their links lead somewhere, their table is that of the
notebooks.

`train` and `evaluate`, `benchmark` and whatever make does are not run, since they take an hour: of those it is checked
that the command is understood, or that the target exists. Lines that install are checked against what they name.
"""

import re
import shlex
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml
from parity.hf import TOLERANCE

from omni_ref.__main__ import EXAMPLES, main, parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob(".github/**/*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf8"), re.MULTILINE))
LONG = {"train", "evaluate"}


def fenced(page: Path, *languages: str) -> list[str]:
    """The contents of a page's code blocks in one of these languages."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf8"), re.DOTALL | re.MULTILINE)
    return [text for language, text in blocks if language in languages]


def command_lines() -> list[str]:
    """Every command of the guides, those for Windows in the form of the others."""
    blocks = [block for page in GUIDES for block in fenced(page, "sh")]
    blocks += [block.replace("\\", "/").replace("/Scripts/", "/bin/") for block in fenced(GUIDES[0], "powershell")]
    lines = [part for block in blocks for line in block.replace("\\\n", "").splitlines() for part in line.split(" && ")]
    return [line.removeprefix(".venv/bin/") for line in lines if line.strip()]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where a reader could be: a folder with a question.wav, and the repository's files in their places."""
    for name in ("omni_ref", "notebooks", "tests", "constraints.txt", "environment.yml", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "question.wav").symlink_to(ROOT / "omni_ref" / "assets" / "question.wav")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_omni_ref(arguments: list[str]) -> None:
    options = parser().parse_args(arguments)
    if options.command in LONG:
        return
    assert main(arguments) == 0
    assert all(path.stat().st_size > 1000 for path in map(Path, arguments) if path.suffix in (".wav", ".png"))


def check_install(arguments: list[str]) -> None:
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert set(options) == {"--constraint", "--editable"} and Path(options["--constraint"]).is_file()
    extras = re.fullmatch(r"\.\[(.*)\]", options["--editable"])[1].split(",")
    assert set(extras) <= set(metadata.metadata("omni_ref").get_all("Provides-Extra"))


def run_pytest(arguments: list[str]) -> None:
    """Collected, not run: the suite that this test is part of runs the same files."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout


def check_make(arguments: list[str]) -> None:
    target, *variables = arguments
    assert target in TARGETS
    assert all(Path(variable.split("=")[1]).exists() for variable in variables)


def check_conda(arguments: list[str]) -> None:
    if arguments[:2] == ["env", "create"]:
        assert Path(arguments[-1]).is_file()
    else:
        assert arguments == ["activate", yaml.safe_load(Path("environment.yml").read_text(encoding="utf8"))["name"]]


def check_jupyter(arguments: list[str]) -> None:
    assert arguments[0] == "lab" and util.find_spec("jupyterlab") and Path(arguments[-1]).is_file()


def check_venv(arguments: list[str]) -> None:
    assert arguments == [".venv"] and util.find_spec("venv")


COMMANDS = {
    "make": check_make,
    "omni-ref": run_omni_ref,
    "python -m pip install": check_install,
    "python -m pytest": run_pytest,
    "py -m venv": check_venv,
    "conda": check_conda,
    "jupyter": check_jupyter,
}


@pytest.mark.parametrize("line", command_lines())
def test_every_command_of_the_guides_works(line, folder):
    words = shlex.split(line, comments=True)
    for start, how in COMMANDS.items():
        if words[: len(start.split())] == start.split():
            how(words[len(start.split()) :])
            return
    pytest.fail(f"no test knows how to run: {line}")


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_every_piece_of_python_runs(page, folder):
    blocks = fenced(page, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), {"__name__": page.stem})


def test_the_command_line_shows_the_same_examples():
    shown = [re.sub(r"\s+#.*", "", line) for line in command_lines() if line.startswith("omni-ref")]
    examples = [re.split(r"\s{2,}", line.strip())[0] for line in EXAMPLES.splitlines()]
    for example in examples:
        if example.startswith("omni-ref"):
            parser().parse_args(shlex.split(example)[1:])
    assert set(shown) - set(examples) == {
        "omni-ref ask omni_ref/assets/question.wav -o answer.wav --figure answer.png",  # what make demo runs
        "omni-ref ask omni_ref/assets/question.wav -o answer.wav",  # after conda
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_that_a_page_names_is_a_target(page):
    named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf8"), re.MULTILINE)
    assert set(named) <= TARGETS


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(path: Path) -> str:
    if path.suffix == ".md":
        return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf8"), flags=re.DOTALL | re.MULTILINE)
    cells = nbformat.read(path, 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("page", PAGES + NOTEBOOKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page):
    for link in re.findall(r'(?:\]\(|src=")([^)"\s]+)', prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def rows() -> list[tuple[str, str, str, str]]:
    """Thumbnail, title, file and minutes of each row of README's table of notebooks."""
    row = r'^\| <img src="docs/thumbnails/(\d\d)\.png" .*?> \| \[(.*?)\]\((.*?)\)<br>.* \| (\d+) \|$'
    return re.findall(row, README, re.MULTILINE)


def test_the_table_of_notebooks_has_each_with_its_minutes():
    lessons = [path for path in NOTEBOOKS if path.parent.name == "notebooks"]
    assert [file for _, _, file, _ in rows()] == [f"notebooks/{path.name}" for path in lessons]
    for (picture, title, _, minutes), path in zip(rows(), lessons, strict=True):
        assert picture == title[:2] == path.name[:2]
        assert f"minutes, {minutes} with what may wait." in prose(path)


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\(.*?\)|<img .*?>", README))
def test_every_picture_has_words_for_those_who_do_not_see_it(picture):
    assert re.search(r'!\[[^\]]{10,}\]|alt="[^"]{10,}"', picture)


def test_the_tolerances_in_the_table_are_those_of_the_parity_tests():
    (row,) = [line for line in README.splitlines() if line.startswith("| Thinker:")]
    assert list(map(float, re.findall(r"\de-\d+", row))) == list(TOLERANCE.values())


def test_a_number_in_bold_reaches_its_bar_and_no_other():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf8")
    rows = re.findall(r"\| (\**)([\d.]+)\** \| ≤ ([\d.]+) \|$", page, re.MULTILINE)
    assert len(rows) > 10 and all(bool(bold) == (float(value) <= float(bar)) for bold, value, bar in rows)


def test_what_limits_says_of_hearing_and_unknown_sums_is_in_the_model_card():
    card = (ROOT / "docs" / "model-card.md").read_text(encoding="utf8")
    rows = dict(re.findall(r"^\| ([^|]+) \| ([\d.]+) %", card, re.MULTILINE))
    heard, known = rows["heard: voices held out"], rows["answer text right: operand pairs and voices held out"]
    said = f"never heard it hears {float(heard):.0f} % of the questions; of sums that it was never trained on it gets"
    assert f"{said} {float(known):.0f} % right" in " ".join(README.split())
