"""environment.yml adds only Python and pip to the one list in pyproject.toml, and the locked versions fit that list.

What GitHub and citation tools read has the form that they expect, and names only what exists.
"""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
NEEDED = [Requirement(line) for line in metadata.requires("omni_ref")]
LOCKED = [
    Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines() if line[0] != "#"
]


def test_conda_gets_python_and_pip_and_leaves_the_rest_to_pyproject():
    *conda, pip = CONDA["dependencies"]
    assert pip == {"pip": ["--constraint constraints.txt", "-e .[notebooks,training]"]}
    assert {"notebooks", "training"} <= set(metadata.metadata("omni_ref").get_all("Provides-Extra"))
    assert sorted(re.split("[<>= ]", line)[0] for line in conda) == ["pip", "python"]
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]


def test_condas_python_is_one_that_the_project_supports():
    (python,) = [line.split("=")[1] for line in CONDA["dependencies"] if str(line).startswith("python")]
    assert python in Requirement("python" + metadata.metadata("omni_ref")["Requires-Python"]).specifier


def test_every_package_that_is_needed_is_locked_to_a_version_that_fits():
    for needed in NEEDED:
        locked = [lock for lock in LOCKED if canonicalize_name(lock.name) == canonicalize_name(needed.name)]
        if needed.name == "omni_ref":
            continue
        assert locked, f"{needed.name} is not in constraints.txt"
        for lock in locked:
            (pin,) = lock.specifier
            assert pin.operator == "==" and pin.version in needed.specifier, lock


def imported(folder: str) -> set[str]:
    """The packages that a folder's files import, by their first name."""
    trees = [ast.walk(ast.parse(path.read_text(encoding="utf8"))) for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for tree in trees for node in tree]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.split(".")[0] for name in found}


@pytest.mark.parametrize("folder", ["omni_ref", "tests", "tools", "benchmarks", "docs"])
def test_every_package_that_is_imported_is_declared(folder):
    bring, declared = metadata.packages_distributions(), {canonicalize_name(needed.name) for needed in NEEDED}
    declared.add(canonicalize_name("omni_ref"))
    found = imported(folder) - sys.stdlib_module_names
    assert found & set(bring)
    assert not {name for name in found & set(bring) if not declared & set(map(canonicalize_name, bring[name]))}


def names(extra: str) -> set[str]:
    """What one extra brings, with the extras that it brings."""
    found = set()
    for needed in NEEDED:
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            found |= {name for inner in needed.extras for name in names(inner)} | {canonicalize_name(needed.name)}
    return found


def test_notebooks_and_training_need_no_compiler():
    compiled = {"pesq"}  # the one package that has no wheels
    assert not compiled & (names("notebooks") | names("training")) and compiled < names("evaluation") < names("dev")


def test_the_packages_that_users_were_promised_are_there():
    promised = {"torch", "numpy", "matplotlib", "jupyterlab", "ipywidgets", "librosa", "nbval", "pytest"}
    assert promised <= {needed.name for needed in NEEDED}


def test_the_workflow_has_a_cpu_and_a_cuda_job_that_run_what_ci_runs():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf8"))["jobs"]
    assert set(jobs) == {"cpu", "cuda"}
    assert jobs["cuda"]["env"] == {"OMNI_DEVICE": "cuda"}
    assert all({"run": "bash .ci/run"} in job["steps"] for job in jobs.values())


def test_ci_runs_the_commands_that_the_readme_shows_first():
    shown = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf8"), re.DOTALL)
    commands = [line.split("#")[0].strip() for line in shown[1].splitlines()]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf8").splitlines()
    assert commands == ["make demo", "make test"] == script[-2:]


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [
    *[("github-workflows", path) for path in WORKFLOWS],
    *[("github-issue-forms", path) for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))],
    ("citation-file-format", ROOT / "CITATION.cff"),
]


@pytest.mark.parametrize(("schema", "path"), FORMS, ids=lambda value: getattr(value, "name", value))
def test_what_others_read_fits_their_schema(schema, path):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    run = subprocess.run([*command, "--default-filetype", "yaml", str(path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_a_form_with_a_fault_does_not_fit(tmp_path):
    wrong = tmp_path / "bug.yml"
    wrong.write_text(
        (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf8").replace("textarea", "text-area")
    )
    with pytest.raises(AssertionError):
        test_what_others_read_fits_their_schema("github-issue-forms", wrong)


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_what_ci_runs_exists(path):
    lines = path.read_text(encoding="utf8").splitlines()
    if path.suffix == ".yml":
        jobs = yaml.safe_load(path.read_text(encoding="utf8"))["jobs"].values()
        lines = [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]
        files = [step["with"].get("cache-dependency-path") for job in jobs for step in job["steps"] if "with" in step]
        assert all((ROOT / file).is_file() for file in files if file)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf8"), re.MULTILINE))
    called = [line.split() for line in lines if line.startswith(("make", "bash"))]
    assert called
    for program, what, *_ in called:
        assert what in targets if program == "make" else (ROOT / what).is_file()


def test_one_version_one_licence_one_author():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    package = metadata.metadata("omni_ref")
    assert (cited["version"], cited["license"]) == (package["Version"], package["License-Expression"])
    assert cited["abstract"] == package["Summary"]
    (author,) = cited["authors"]
    assert f"Copyright (c) 2026 {author['name']}\n" in (ROOT / "LICENSE").read_text(encoding="utf8")
    newest = re.search(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf8"), re.MULTILINE)
    assert newest[1] == package["Version"]


def test_make_test_compares_every_output_of_every_notebook():
    text = (ROOT / "Makefile").read_text(encoding="utf8")
    (line,) = re.findall(r"^\t.*--nbval .*$", text, re.MULTILINE)
    assert "-lax" not in line and line.endswith("$(NOTEBOOKS)") and "sanitize-with=tests/nbval.cfg" in line
    patterns = re.search(r"^NOTEBOOKS := \$\(wildcard (.*)\)$", text, re.MULTILINE)[1].split()
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    assert found == {path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts}


def test_the_page_of_benchmarks_has_every_table(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.__main__ import growth_lines, measure_lines, option_lines, race_lines
    from benchmarks.stages import stage_lines

    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf8").splitlines()
    heads = [
        next(lines)
        for lines in (race_lines([]), option_lines((1,)), measure_lines([]), growth_lines([]), stage_lines())
    ]
    assert [line for line in page if line in heads] == heads
