"""nbval compares a cell only if the stored notebook was run: each one was, from top to bottom."""

import json
import math
import re
import subprocess
import sys
from importlib import util
from pathlib import Path

import nbformat
import pytest
import refresh

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
LESSONS = sorted(FOLDER.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
LONGEST_READING = 20  # minutes, of what may not wait for a second reading
MAY_WAIT = "*May wait for a second reading.*"  # below a heading: all up to the next one
SKELETON = ("**Before:**", "**Time:**", "**After this you can**", "## Recap", "## Exercises")


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf8"))["cells"] if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


@each_notebook
def test_was_run_from_top_to_bottom(path):
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run `make refresh`"
    outputs = [output for cell in code for output in cell["outputs"]]
    assert outputs
    for output in outputs:
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", "a warning in a stored output"
        assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {}), "dead without its kernel"


@each_notebook
def test_is_small_and_easily_read(path):
    assert path.stat().st_size < 500_000
    for cell in cells(path, "code"):
        lines = source(cell).splitlines()
        assert len(lines) <= 25 and all(len(line) <= 88 for line in lines), source(cell)
        assert not source(cell).rstrip().endswith(";"), "nbval compares the value of `x;`"


@each_lesson
def test_has_the_skeleton_of_every_lesson(path):
    prose = "\n".join(map(source, cells(path, "markdown")))
    assert all(part in prose for part in SKELETON)
    assert all(len(line) <= 88 for line in prose.splitlines())
    assert 3 <= prose.count("<summary>Hint</summary>") <= 5


@each_lesson
def test_every_exercise_is_open_here_and_solved_beside_it(path):
    solved = cells(path.parent / "solutions" / path.name, "code")
    checks = {source(cell).split("(")[0] for cell in cells(path, "code") if source(cell).startswith("exercises.")}
    assert checks
    for cell in cells(path, "code"):
        if source(cell).startswith("exercises."):
            assert "no answer yet" in json.dumps(cell["outputs"])
    right = [cell for cell in solved if "right ✓" in json.dumps(cell["outputs"], ensure_ascii=False)]
    assert {source(cell).split("(")[0] for cell in right} == checks


def reading_minutes(path: Path) -> tuple[float, float]:
    """Of what may not wait, and of all: 200 words, 12 lines of code or 2 pictures a minute.

    Imports and exercises do not count.
    """
    minutes, may_wait = {True: 0.0, False: 0.0}, False
    for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
        text = source(cell)
        if text.startswith("## Exercises"):
            break
        if cell["cell_type"] == "markdown":
            if text.startswith("#"):
                may_wait = MAY_WAIT in text
            minutes[may_wait] += len(text.split()) / 200
        elif not text.startswith(("import ", "from ")):
            lines = [line for line in text.splitlines() if line.strip()]
            pictures = sum("image/png" in output.get("data", {}) for output in cell["outputs"])
            minutes[may_wait] += len(lines) / 12 + pictures / 2
    return minutes[False], sum(minutes.values())


@each_lesson
def test_is_read_in_the_time_that_it_says(path):
    first, whole = reading_minutes(path)
    assert first <= LONGEST_READING
    rounded = [5 * math.ceil(minutes / 5) for minutes in (first, whole)]
    assert f"**Time:** {rounded[0]} minutes, {rounded[1]} with what may wait." in source(cells(path, "markdown")[0])


def test_every_output_is_compared():
    """Neither a tag nor a comment tells nbval to look away."""
    code = [cell for path in NOTEBOOKS for cell in cells(path, "code")]
    tags = {tag for cell in code for tag in cell["metadata"].get("tags", [])}
    assert tags == {"thumbnail"}
    assert not [source(cell) for cell in code if re.search(r"^\s*#+\s*(NBVAL|PYTEST)_", source(cell), re.MULTILINE)]


@each_lesson
def test_a_check_stands_beside_each_figure(path):
    code = cells(path, "code")
    for i, cell in enumerate(code):
        if any("image/png" in output.get("data", {}) for output in cell["outputs"]):
            near = " ".join(map(source, code[max(i - 1, 0) : i + 2]))
            assert re.search(r"\bassert|\bcheck\(|exercises\.", near), source(cell)


@pytest.mark.parametrize("stored, passes", [("1.1: right ✓\n", True), ("1.2: right ✓\n", False)])
def test_one_wrong_digit_in_a_stored_output_fails(tmp_path, stored, passes):
    """With the options of `make test`, which runs all notebooks."""
    cell = nbformat.v4.new_code_cell("print('1.1: right ✓')", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=stored)]
    path = tmp_path / "altered.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", str(path)]
    command.append(f"--nbval-sanitize-with={FOLDER.parent / 'tests' / 'nbval.cfg'}")
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode == 0) == passes, run.stdout


def test_refresh_leaves_a_notebook_that_fails_as_it_was_and_goes_on(tmp_path, monkeypatch, capsys):
    paths, before = [tmp_path / "fails.ipynb", tmp_path / "works.ipynb"], []
    for path, code in zip(paths, ("1 / 0", "print(6 * 7)"), strict=True):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
        before.append(path.read_text(encoding="utf8"))
    monkeypatch.setattr(sys, "argv", ["refresh.py", *map(str, paths)])
    with pytest.raises(SystemExit, match=f"left as they were, .*: {re.escape(str(paths[0]))}$"):
        refresh.main()
    assert paths[0].read_text(encoding="utf8") == before[0]
    assert cells(paths[1], "code")[0]["outputs"][0]["text"] == ["42\n"]
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_kernel_whose_ports_were_taken_is_started_again_and_other_errors_are_told():
    specification = util.spec_from_file_location("root_conftest", FOLDER.parent / "conftest.py")
    root = util.module_from_spec(specification)
    specification.loader.exec_module(root)
    errors = [RuntimeError("Kernel died before replying to kernel_info"), RuntimeError("Kernel died"), None]

    def start(name):
        error = errors.pop(0)
        if error:
            raise error
        return name

    assert root.started_again(start)("python") == "python" and errors == []
    errors += [RuntimeError("Kernel died")] * 4
    with pytest.raises(RuntimeError, match="Kernel died"):
        root.started_again(start)("python")
    assert len(errors) == 1, "tried three times"
    errors[:] = [RuntimeError("no such kernel"), None]
    with pytest.raises(RuntimeError, match="no such kernel"):
        root.started_again(start)("python")
