"""What a maintainer relies on names only what there is."""

import contextlib
import json
import os
import re
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import conftest
import pytest
import yaml
from packaging.specifiers import SpecifierSet

from autograder.chapters import toc

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def text(name):
    return (ROOT / name).read_text("utf-8")


def test_the_page_on_the_architecture_names_files_that_exist():
    named = set(
        re.findall(r"`((?:autograder|book|tests|solutions)/[^`]*)`", text(PAGE))
    )
    assert len(named) > 20
    assert not [name for name in named if not (ROOT / name).exists()]
    contract = text(".importlinter").partition("layers =")[2].partition("[")[0]
    floors = [set(re.findall(r"autograder\.(\w+)", f)) for f in contract.splitlines()]
    block = text(PAGE).partition("```\n")[2].partition("```")[0]
    drawn = [set(re.split(r" +\| ", line[:26].strip())) for line in block.splitlines()]
    assert drawn == [floor for floor in floors if floor]


PAGE = "docs/architecture.md"


def test_workflows_run_what_a_person_runs():
    steps = {}
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(file.read_text("utf-8"))["jobs"].values()
        steps[file.stem] = [s["run"] for j in jobs for s in j["steps"] if "run" in s]
    assert ".ci/run" in steps["ci"] and os.access(ROOT / ".ci" / "run", os.X_OK)
    said = "\n".join(step for some in steps.values() for step in some)
    assert set(re.findall(r"\bmake (\w+)", said)) <= TARGETS
    assert all((ROOT / p).exists() for p in re.findall(r"\.venv/bin/\w+", said))
    assert "make book" in steps["pages"]
    assert 'baseurl: ""' in text("_config.yml")  # what the workflow fills in
    assert any('baseurl: ""' in step for step in steps["pages"])


@pytest.mark.parametrize("name", ["right_answer_refused", "hint_was_wrong"])
def test_an_issue_form_asks_for_the_answer_and_what_was_said(name):
    form = yaml.safe_load(text(f".github/ISSUE_TEMPLATE/{name}.yml"))
    ids = {field["id"]: field for field in form["body"]}
    assert {"exercise", "answer"} <= ids.keys() and {"verdict", "said"} & ids.keys()
    assert all(ids[i]["validations"]["required"] for i in ("exercise", "answer"))


def test_hooks_run_programs_of_the_virtual_environment():
    hooks = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    for hook in hooks:
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/")
        assert (ROOT / program).exists()


def test_the_container_names_files_and_targets_that_exist():
    lines = text("Dockerfile").replace("\\\n", " ").splitlines()
    for line in (line for line in lines if line.startswith("COPY")):
        *sources, _ = [word for word in line.split()[1:] if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources)
    assert set(re.findall(r"make (\w+)", "\n".join(lines))) - {"chromium"} <= TARGETS
    stages = re.findall(r"^FROM \S+ AS (\w+)", "\n".join(lines), re.MULTILINE)
    container = json.loads(text(".devcontainer/devcontainer.json"))
    assert container["build"]["target"] in stages
    assert container["postCreateCommand"].removeprefix("make ") in TARGETS


def test_the_citation_agrees_with_the_package():
    import tomllib

    project = tomllib.loads(text("pyproject.toml"))["project"]
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]


def make(*words):
    """What make says, also where make itself has started these tests."""
    command = ["make", "--no-print-directory", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_every_pin_installs_with_the_oldest_python_that_is_promised():
    """Debian 12 has 3.11.2: one package that wants 3.11.5 stops the installation."""
    [oldest] = re.findall(r'requires-python = ">=(.+)"', text("pyproject.toml"))
    pins = re.findall(r"^([\w.-]+)==(\S+)$", text("constraints.txt"), re.MULTILINE)
    seen, refused = 0, []
    for name, version in pins:
        with contextlib.suppress(PackageNotFoundError):
            found = distribution(name)
            wanted = SpecifierSet(found.metadata.get("Requires-Python") or "")
            seen += found.version == version
            if found.version == version and f"{oldest}.0" not in wanted:
                refused.append(f"{name}=={version} needs Python {wanted}")
    assert seen > 100 and not refused


def test_every_target_is_told():
    told = make("help")
    assert {line.split()[0] for line in told.stdout.splitlines()[1:]} == TARGETS


def test_each_test_is_run_once_and_the_quick_ones_are_measured():
    told = make("-n", "test")
    ways = re.findall(r'(\w+ run -m )?pytest .*-m "([^"]+)" tests', told.stdout)
    (measured, quick), (unmeasured, others) = ways
    assert (measured, unmeasured) == ("coverage run -m ", "")
    assert others == f"not ({quick})"


@pytest.mark.parametrize("kind", conftest.FILES)
def test_a_mark_is_given_to_files_that_exist(kind):
    there = {file.stem for file in (ROOT / "tests").glob("test_*.py")}
    assert set(conftest.FILES[kind]) <= there


def test_what_belongs_to_the_subject_stands_in_the_table_of_contents(monkeypatch):
    """Another book's course has another name, and its own chapter is measured."""
    meta = yaml.safe_load(text("_toc.yml"))["meta"]
    assert toc.course_id() == meta["course_id"]
    measured = {step.chapter: step.exercises for step in toc.steps()}
    assert measured[toc.measured_chapter()]  # there is something to grade
    bare = toc._contents() | {"meta": {}}
    monkeypatch.setattr(toc, "_contents", lambda: bare)
    assert toc.course_id() == "course"
    assert toc.measured_chapter() == next(c for c, names in measured.items() if names)
