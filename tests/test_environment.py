"""environment.yml adds only Python and pip to the one list in pyproject.toml, and the locked versions fit that list."""

import re
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
NEEDED = [Requirement(line) for line in metadata.requires("omni_ref")]
LOCKED = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#"]


def test_conda_gets_python_and_pip_and_leaves_the_rest_to_pyproject():
    *conda, pip = CONDA["dependencies"]
    assert pip == {"pip": ["-e .[dev]"]}
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


def test_the_packages_that_users_were_promised_are_there():
    promised = {"torch", "numpy", "matplotlib", "jupyterlab", "ipywidgets", "librosa", "nbval", "pytest"}
    assert promised <= {needed.name for needed in NEEDED}


def test_the_workflow_has_a_cpu_and_a_cuda_job_that_run_what_ci_runs():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert set(jobs) == {"cpu", "cuda"}
    assert jobs["cuda"]["env"] == {"OMNI_DEVICE": "cuda"}
    assert all({"run": "bash .ci/run"} in job["steps"] for job in jobs.values())


def test_ci_runs_the_commands_that_the_readme_shows_first():
    shown = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = [line.split("#")[0].strip() for line in shown[1].splitlines()]
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert commands == ["make demo", "make test"] == script[-2:]
