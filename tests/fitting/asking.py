"""`packbench fit` as it is asked in tests: what it answers, and what it refuses."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.verdicts import InputError
from packbench.cli import app

runner = CliRunner()


def fit(*arguments: object) -> Any:
    """What the command says in JSON."""
    found = runner.invoke(app, ["fit", *map(str, arguments), "--json"], catch_exceptions=False)
    assert found.exit_code == 0
    return json.loads(found.stdout)


def refusal(*arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        runner.invoke(app, ["fit", *map(str, arguments)], catch_exceptions=False)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence
