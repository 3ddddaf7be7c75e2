"""A CI on this computer: carries a workflow out as GitHub Actions, GitLab CI or Jenkins does, night after night.

What stays of a night is what that CI keeps: a clean checkout and what was cached, or a workspace that nobody cleans.
"""

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import tree_sitter_groovy
import yaml
from tree_sitter import Language, Node, Parser

PATIENCE = 600
INSTALL = "pip install"
KNOWN_ACTIONS = {"checkout", "setup-python", "cache/restore", "cache/save", "upload-artifact", "download-artifact"}


@dataclass
class Night:
    """What came of one: whether the job of the CI failed, and the exit status of each command in its order."""

    failed: bool = False
    commands: list[tuple[str, int]] = field(default_factory=list)
    output: str = ""

    def status(self, command: str) -> int:
        """Of the only command that begins like this."""
        (found,) = [status for told, status in self.commands if told.startswith(command)]
        return found


@dataclass
class Machine:
    """Where jobs run: `place` holds their workspaces and what the CI keeps, `repository` is what it checks out."""

    repository: Path
    place: Path
    environment: Mapping[str, str]
    installs: bool = False
    """Whether commands that install packbench are carried out, or left out where it is there already."""

    @property
    def cache(self) -> Path:
        """What the CI carries from night to night."""
        return self.place / "cache"

    def checkout(self, name: str) -> Path:
        """A clean one: what the last night left in it is gone."""
        workspace = self.place / "work" / name
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.copytree(self.repository, workspace)
        return workspace

    def run(self, night: Night, command: str, folder: Path) -> int:
        """Carry out the lines of a step in one shell, as a CI does; 0 for one that installs what is there."""
        if not self.installs:
            command = "\n".join(line for line in command.splitlines() if not _is_about_installing(line))
            command = command.replace(".venv/bin/", "").replace(". activate && ", "")
        if not command.strip():
            return 0
        done = subprocess.run(
            ["sh", "-ec", command], cwd=folder, env=dict(self.environment), capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        night.commands.append((command, done.returncode))
        night.output += f"$ {command}\n{done.stdout}{done.stderr}"
        return done.returncode


class Workflow(Protocol):
    """One night of it on a machine."""

    def carry_out(self, machine: Machine) -> Night: ...

    def commands(self) -> list[str]:
        """What it runs, in order."""
        ...


def _is_about_installing(line: str) -> bool:
    return INSTALL in line or "-m venv" in line


def keep(source: Path, target: Path) -> None:
    """Copy a file or folder to where a CI keeps it, in the place of what was there."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class GitHub:
    """GitHub Actions: jobs with what they need, a matrix, steps with `if: always()`, the actions of `KNOWN_ACTIONS`."""

    def __init__(self, text: str) -> None:
        self.parsed: dict[Any, Any] = yaml.safe_load(text)
        self._runs = itertools.count(1)

    @property
    def jobs(self) -> dict[str, Any]:
        """By their names."""
        return dict(self.parsed["jobs"])

    def commands(self) -> list[str]:
        """See `Workflow`."""
        return [step["run"] for job in self.jobs.values() for step in job["steps"] if "run" in step]

    def carry_out(self, machine: Machine) -> Night:
        """See `Workflow`."""
        night, told = Night(), dict[str, bool]()
        shutil.rmtree(machine.place / "artifacts", ignore_errors=True)
        number = next(self._runs)
        for name, job in self.jobs.items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            if all(told[each] for each in needs) or job.get("if") == "always()":
                entries = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
                ends = [_JobOnGitHub(machine, night, number, entry).run(job["steps"]) for entry in entries]
                told[name] = all(ends)  # one that fails cuts none of the others short
        night.failed = not all(told.values()) or len(told) < len(self.jobs)
        return night


@dataclass
class _JobOnGitHub:
    machine: Machine
    night: Night
    number: int
    entry: Mapping[str, str]
    folder: Path = field(init=False)

    def run(self, steps: Sequence[Mapping[str, Any]]) -> bool:
        self.folder, good = self.machine.place / "work", True
        for step in steps:
            if good or step.get("if") == "always()":
                good = self._step(step) == 0 and good
        return good

    def _step(self, step: Mapping[str, Any]) -> int:
        if "run" in step:
            return self.machine.run(self.night, self._filled(step["run"]), self.folder)
        action = re.fullmatch(r"actions/([\w/-]+)@v\d+", step["uses"])
        assert action is not None, step["uses"]
        assert action[1] in KNOWN_ACTIONS, f"nothing here knows what {step['uses']} does"
        if action[1] != "setup-python":
            getattr(self, "_" + re.sub(r"\W", "_", action[1]))({
                key: self._filled(str(value)) for key, value in step.get("with", {}).items()
            })  # fmt: skip
        return 0

    def _filled(self, text: str) -> str:
        """Without expressions: one that nobody here knows is a mistake in the workflow."""
        known = {"github.run_id": str(self.number), "github.run_attempt": "1"}
        known |= {f"matrix.{name}": value for name, value in self.entry.items()}
        return re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda found: known[found[1]], text)

    def _checkout(self, _: Mapping[str, str]) -> None:
        self.folder = self.machine.checkout(self.entry.get("job", "night"))

    def _cache_restore(self, told: Mapping[str, str]) -> None:
        """Of the keys that begin like this the newest, and only of the same path."""
        prefix = told["restore-keys"].strip()
        names = [each.name for each in self.machine.cache.glob(f"{prefix}*")]
        newest = max(names, key=lambda name: int(name.removeprefix(prefix).split("-")[0]), default=None)
        if newest is not None and (self.machine.cache / newest / told["path"]).exists():
            keep(self.machine.cache / newest / told["path"], self.folder / told["path"])

    def _cache_save(self, told: Mapping[str, str]) -> None:
        keep(self.folder / told["path"], self.machine.cache / told["key"] / told["path"])

    def _upload_artifact(self, told: Mapping[str, str]) -> None:
        for pattern in told["path"].split():
            for path in self.folder.glob(pattern.rstrip("/")):
                keep(path, self.machine.place / "artifacts" / told["name"] / path.relative_to(self.folder))

    def _download_artifact(self, told: Mapping[str, str]) -> None:
        for each in (self.machine.place / "artifacts").glob(told["pattern"]):
            keep(each, self.folder / told["path"] / each.name)


class GitLab:
    """GitLab CI: one job, whose folder is cleaned; the cache is kept after `after_script`, and artefacts after that."""

    def __init__(self, text: str) -> None:
        self.parsed: dict[Any, Any] = yaml.safe_load(text)
        (self.job,) = [each for name, each in self.parsed.items() if isinstance(each, dict) and "script" in each]

    def commands(self) -> list[str]:
        """See `Workflow`."""
        return [*self.job["before_script"], *self.job["script"], *self.job["after_script"]]

    def carry_out(self, machine: Machine) -> Night:
        """See `Workflow`."""
        night, folder = Night(), machine.checkout("nightly")
        cached = machine.cache / self.job["cache"]["key"]
        for path in self.job["cache"]["paths"]:
            keep(cached / path, folder / path)
        for command in [*self.job["before_script"], *self.job["script"]]:
            night.failed = night.failed or machine.run(night, command, folder) != 0
        for command in self.job["after_script"]:
            machine.run(night, command, folder)
        assert self.job["cache"]["when"] == self.job["artifacts"]["when"] == "always"
        for path in self.job["cache"]["paths"]:
            keep(folder / path, cached / path)
        for path in (*self.job["artifacts"]["paths"], self.job["artifacts"]["reports"]["junit"]):
            keep(folder / path, machine.place / "artifacts" / "nightly" / path)
        return night


class Jenkins:
    """Jenkins: a declarative pipeline, whose workspace stays; see `Block` for how it is read."""

    def __init__(self, text: str) -> None:
        self.pipeline = declarative(text)

    def commands(self) -> list[str]:
        """See `Workflow`."""
        return [*self._stages(), *self._post()]

    def _stages(self) -> list[str]:
        stages = self.pipeline.only("stages").children
        return [step.values[0] for stage in stages for step in stage.only("steps").children if step.name == "sh"]

    def _post(self) -> list[str]:
        steps = self.pipeline.only("post").only("always").children
        return [step.values[0] for step in steps if step.name == "sh"]

    def carry_out(self, machine: Machine) -> Night:
        """See `Workflow`."""
        night, folder = Night(), machine.place / "work" / "nightly"
        shutil.copytree(machine.repository, folder, dirs_exist_ok=True)
        for command in self._stages():
            night.failed = night.failed or machine.run(night, command, folder) != 0
        for command in self._post():
            night.failed = machine.run(night, command, folder) != 0 or night.failed
        return night


@dataclass(frozen=True)
class Block:
    """One directive or step of a pipeline: its name, the literals it is given, what stands in its braces."""

    name: str
    values: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Block", ...] = ()

    def only(self, name: str) -> "Block":
        """The one child of this name."""
        (found,) = [each for each in self.children if each.name == name]
        return found


SECTIONS: Mapping[str, tuple[set[str], set[str]]] = {
    "pipeline": ({"agent", "stages"}, {"triggers", "options", "environment", "post", "parameters", "tools"}),
    "stage": ({"steps"}, {"agent", "environment", "options", "post", "when", "tools", "input"}),
    "post": (
        set(),
        {"always", "changed", "fixed", "regression", "aborted", "failure", "success", "unstable", "cleanup"},
    ),
}
"""What a block of a declarative pipeline must hold, and what it may; each at most once (Jenkins' own reference)."""
STEPS = {"sh", "junit", "archiveArtifacts"}
"""Those that are used."""
QUOTED = {"character_literal", "string_literal"}
AGENT = re.compile(r"agent\s+(any|none)\s*(?://.*\s*)?")


def declarative(text: str) -> Block:
    """A declarative pipeline: by Groovy's grammar, and the sections that Jenkins allows where they stand."""
    tree = Parser(Language(tree_sitter_groovy.language())).parse(text.encode())
    assert not tree.root_node.has_error, "this is not Groovy"
    (pipeline,) = _blocks(tree.root_node)
    assert pipeline.name == "pipeline"
    _must_be_declarative(pipeline)
    return pipeline


def _must_be_declarative(block: Block) -> None:
    names = [each.name for each in block.children]
    if block.name in SECTIONS:
        needed, allowed = SECTIONS[block.name]
        assert needed <= set(names), f"{block.name} lacks {needed - set(names)}"
        assert set(names) <= needed | allowed, f"{block.name} may not hold {set(names) - needed - allowed}"
        assert len(names) == len(set(names)), f"{block.name} holds something twice"
    if block.name == "stages":
        assert names, "stages need one"
        assert set(names) == {"stage"}, f"stages hold {names}"
        assert all(len(each.values) == 1 for each in block.children), "a stage has a name"
    if block.name in {"steps", "always"}:
        assert names, f"{block.name} needs a step"
        assert set(names) <= STEPS, f"nothing here knows the steps {set(names) - STEPS}"
    for each in block.children:
        _must_be_declarative(each)


def _blocks(node: Node) -> Iterator[Block]:
    for child in node.named_children:
        inner = child.named_children[0] if child.type == "expression_statement" else child
        if inner.type in {"method_invocation", "juxt_function_call"}:
            yield _block(inner)
        elif inner.type == "assignment_expression":
            yield Block(_text(inner.child_by_field_name("left")), (_text(inner.child_by_field_name("right")),))
        elif inner.type == "identifier":
            yield Block(_text(inner))
        elif (agent := AGENT.fullmatch(_text(inner))) is not None:
            yield Block("agent", (agent[1],))  # to Groovy a variable without a value
        else:
            assert inner.type == "line_comment", f"a pipeline does not hold a {inner.type}: {_text(inner)}"


def _block(node: Node) -> Block:
    given = node.child_by_field_name("arguments") or node.child_by_field_name("args")
    body = node.child_by_field_name("body")
    values, named = [], {}
    for argument in given.named_children if given is not None else ():
        if argument.type == "map_item":
            named[_text(argument.child_by_field_name("key"))] = _text(argument.child_by_field_name("value"))
        else:
            values.append(_text(argument))
    name = _text(node.child_by_field_name("name"))
    return Block(name, tuple(values), named, tuple(_blocks(body)) if body is not None else ())


def _text(node: Node | None) -> str:
    assert node is not None
    assert node.text is not None
    return node.text.decode()[1:-1] if node.type in QUOTED else node.text.decode()


def kind(name: str, text: str) -> Workflow:
    """The workflow of a file that is called like this."""
    kinds: dict[str, type[GitHub] | type[GitLab] | type[Jenkins]] = {
        "github": GitHub, "github-jobs": GitHub, "gitlab": GitLab, "jenkins": Jenkins,
    }  # fmt: skip
    return kinds[name](text)
