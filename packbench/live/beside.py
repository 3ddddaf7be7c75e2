"""The live page of a session, in a process of its own so that nothing of it is in the test's; it ends with it."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 10.0
"""s for it to end."""


class LivePage:
    """The pytest plugin that starts it, says where it is, and lets it go."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._runs = config, Path(config.option.runs)
        self._process: subprocess.Popen[str] | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Start it; a page that cannot be had is said so, and no reason not to test."""
        self._process = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-m", "packbench", "live", str(self._runs), "--until-input-ends"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
            # A Ctrl-C is for the test: the page shows how it ends.
            start_new_session=True,
        )  # fmt: skip
        said = self._process.stdout.readline().strip() if self._process.stdout else ""
        self._say(said or "packbench: the live page could not be started; try `packbench live`.")

    def pytest_unconfigure(self) -> None:
        """It ends when nobody can write to it any more."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _say(self, text: str) -> None:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(text)
            # Into a pipe or a file it would come with the next full block: after the test.
            reporter.flush()
