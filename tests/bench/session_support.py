"""What tests of whole sessions share: a project of its own, and what a person, a gate and a reader see of a session."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree as ET

from tests.bench.cli_support import ROOT, Answer, packbench

STEPS = """
import os
import signal

import pytest

from bench.scenario import Charge, Discharge, Rest, elapsed

SHORT = Rest(until=elapsed(seconds=20))

def at_time(bench, seconds, act):
    def observe(row):
        if row[0] >= seconds:
            bench.engine.sampler.observers.clear()
            act()
    bench.engine.sampler.observers.append(observe)
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it printed."""

    status: int
    output: str

    @property
    def lines(self) -> list[str]:
        return self.output.rstrip().splitlines()


@dataclass(frozen=True)
class Project:
    """A repository with test cases, whose sessions are run as a person runs them."""

    folder: Path

    def write(self, text: str, name: str = "test_mine", conftest: str = "") -> None:
        cases = self.folder / "test_cases"
        cases.mkdir(exist_ok=True)
        plugins = 'pytest_plugins = ["bench.plugin", "reports.plugin"]\n'
        (self.folder / "conftest.py").write_text(plugins + dedent(conftest), encoding="utf-8")
        (self.folder / "pytest.ini").write_text("[pytest]\nmarkers = chosen\n", encoding="utf-8")
        (cases / f"{name}.py").write_text(STEPS + dedent(text), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "ALLURE_NO_ANALYTICS": "true"}

    def start(self, *options: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=junit.xml", *map(str, options)]
        return subprocess.Popen(
            [*command, "--rootdir=.", "test_cases"], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, *options: object) -> Ended:
        process = self.start("--temperatures=25", *options)
        output, _ = process.communicate(timeout=300)
        assert "INTERNALERROR" not in output, output
        return Ended(process.returncode, output)

    def report(self) -> Answer:
        return packbench("report", cwd=self.folder)

    @property
    def page(self) -> str:
        return (self.folder / "allure-report" / "index.html").read_text(encoding="utf-8")

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "runs" / "session.json").read_text(encoding="utf-8"))
        return found

    @property
    def verdicts(self) -> dict[str, str]:
        """Of the record, by the name of the test."""
        return {test["nodeid"].rpartition("::")[2]: test["verdict"] for test in self.record["tests"]}

    @property
    def manifests(self) -> list[dict[str, Any]]:
        paths = sorted(self.folder.glob("runs/*/*/run.json"))
        return sorted(
            (json.loads(path.read_text(encoding="utf-8")) for path in paths), key=lambda manifest: manifest["started"]
        )

    def junit(self) -> dict[str, tuple[str, str]]:
        """Kind and type of what each test is in the JUnit file."""
        suite = ET.parse(self.folder / "junit.xml").getroot().find("testsuite")
        assert suite is not None
        cases = {case.get("name", ""): case for case in suite.findall("testcase")}
        told = {name: [child for child in case if child.tag != "properties"] for name, case in cases.items()}
        counted = {
            attribute: int(suite.get(attribute, "-1")) for attribute in ("failures", "errors", "skipped", "tests")
        }
        kinds = [child.tag for children in told.values() for child in children if child.tag != "system-out"]
        assert counted == {
            "failures": kinds.count("failure"), "errors": kinds.count("error"), "skipped": kinds.count("skipped"),
            "tests": len(cases),
        }  # fmt: skip
        first = {name: next((child for child in children if child.tag != "system-out"), None)
                 for name, children in told.items()}  # fmt: skip
        return {name: ("passed", "") if child is None else (child.tag, child.get("type", ""))
                for name, child in first.items()}  # fmt: skip
