"""The options that packbench adds to pytest, and how they make room for a project that has one of the same name.

pytest learns its options before anybody knows whose session it is. A conftest.py that has nothing to do with a bench
may want `--seed` for itself: it gets it, and only a session of the bench's is told of the clash.
"""

from collections.abc import Mapping
from typing import Any

import pytest

GROUP = "packbench"
TAKEN = pytest.StashKey[frozenset[str]]()
"""Options of ours that a project has for itself."""
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--station": {"default": None, "help": "station file or shipped name (default: virtual-module)"},
    "--pack": {"default": None, "help": "pack file or shipped name (default: the station's first)"},
    "--temperatures": {
        "default": "-10,0,25,45", "help": "°C, with commas; write --temperatures=-10,25 (default: %(default)s)",
    },
    "--runs": {"default": "runs", "help": "folder of the recordings (default: %(default)s)"},
    "--seed": {"type": int, "default": 0, "help": "of the virtual pack and instruments (default: %(default)s)"},
    "--defect": {"action": "append", "default": [], "help": "seed a defect, e.g. weak-cell:7:0.7 or chamber-stuck:20"},
    "--manager": {
        "action": "append", "metavar": "WHICH", "default": [],
        "help": "energy manager under test: http://HOST:PORT, a command, or one that ships; modbus: or ocpp: before it "
        "for these (default: reference); several, each with a --manager of its own, are tested one after the other",
    },
    "--days": {
        "type": float, "default": 1.0,
        "help": "days that a manager is in charge, in a test that asks for them (default: %(default)g)",
    },
    "--accepted": {
        "metavar": "DIR", "default": None,
        "help": "folder of what `packbench accept` has kept of each specimen, and of nothing else (default: accepted, "
        "beside what ships of the virtual packs)",
    },
    "--waivers": {
        "metavar": "FILE", "default": None,
        "help": "failures that somebody answers for (default: waivers.yaml in the root folder, if there is one)",
    },
    "--requirements": {
        "metavar": "FILE", "default": None,
        "help": "what tests are marked with (default: requirements.yaml in the root folder or beside the tests)",
    },
    "--operator": {
        "metavar": "NAME", "default": None,
        "help": "who answers for the bench, as the report names it (default: the user of this computer)",
    },
    "--resume": {
        "metavar": "RUN", "default": None,
        "help": "continue a run that died or was ended by a fault: its folder, its id, or last; only its test is run",
    },
    "--trust": {
        "action": "store_true", "default": False,
        "help": "let the station file load code: a dotted driver, a VISA library by its path, any serial URL",
    },
    "--take-over": {
        "action": "store_true", "default": False,
        "help": "take the bench from whoever holds its lease (recorded)",
    },
    "--live": {
        "action": "store_true", "default": False,
        "help": "show the run in progress on a page of this computer; its address is printed",
    },
    "--attended": {
        "action": "store_true", "default": False,
        "help": "somebody is there to answer what a test asks, on the live page; from a terminal it need not be said",
    },
    "--supervise": {
        "action": "store_true", "default": False,
        "help": "let a supervisor process watch the test on a virtual bench as well; on a wall clock one always does",
    },
}  # fmt: skip


def add(parser: pytest.Parser) -> frozenset[str]:
    """Add the options that nobody else has; returns the names of those that somebody has."""
    group, taken = parser.getgroup(GROUP, "battery bench"), _names_of_others(parser)
    for name, settings in OPTIONS.items():
        if name not in taken:
            group.addoption(name, **settings)
    return frozenset(taken & OPTIONS.keys())


def _names_of_others(parser: pytest.Parser) -> set[str]:
    """Every option of another group. There is no public way to ask; not to know it is to stumble over it, as ever."""
    groups = [group for group in getattr(parser, "_groups", ()) if group.name != GROUP]
    groups.append(getattr(parser, "_anonymous", groups))
    return {name for group in groups for option in getattr(group, "options", ()) for name in option.names()}


def withdraw(parser: pytest.Parser, config: pytest.Config) -> None:
    """Take the options back, and their defaults: the conftest.py files about to be loaded find no name taken."""
    group = parser.getgroup(GROUP)
    # pytest has no public way back. Since 9.0 it hands options on to argparse at once, before that when it parses.
    known = getattr(getattr(parser, "optparser", None), "_option_string_actions", {})
    for option in group.options:
        vars(config.option).pop(option.dest, None)
        for name in option.names():
            action = known.pop(name, None)
            if action is not None:
                action.container._remove_action(action)
    group.options.clear()


def given(config: pytest.Config) -> bool:
    """Whether the command line, or `addopts`, says something that is for the bench alone."""
    return any(
        getattr(config.option, _dest(name), settings["default"]) != settings["default"]
        for name, settings in OPTIONS.items()
        if name not in config.stash[TAKEN]
    )


def _is_empty(config: pytest.Config, name: str) -> bool:
    """Whether an option was given nothing: what stands in for one that was not given must not stand in for that."""
    given = getattr(config.option, _dest(name), None)
    return any(
        isinstance(value, str) and not value.strip() for value in (given if isinstance(given, list) else [given])
    )


def _dest(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")


def refusal(config: pytest.Config) -> str | None:
    """One sentence on an option that this session of the bench's cannot have; None where it has them all."""
    taken = config.stash[TAKEN]
    empty = next((name for name in OPTIONS if name not in taken and _is_empty(config, name)), None)
    if empty is not None:
        return f"{empty} is empty, as of a variable that is not set; give a value, or leave it out."
    if getattr(config.option, "setuponly", False) and not config.option.setupplan:
        return (
            "--setup-only opens the bench for each test and runs none; --setup-plan shows the fixtures and opens "
            "nothing, `packbench check` opens the bench once."
        )
    if not taken:
        return None
    return (
        f"The option {min(taken)} is packbench's, and a conftest.py or another plugin of this project has one of the "
        "same name; rename that one, or run the tests of the bench where it is not loaded."
    )
