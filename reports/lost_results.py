"""What becomes of Allure results that the disk refuses: they are lost, and that is said; the session goes on.

The verdict is not theirs: it is in the run, in the terminal and in the exit status. An exception in a hook of pytest
would take those with it.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from allure_commons import hookimpl, plugin_manager


class LostResults:
    """Stands around everything that writes a result; what was refused is counted by the reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Take a file that the disk refuses for lost, and go on."""
        try:
            yield
        except OSError as error:
            self._counts[str(error.strerror or error)] += 1

    @hookimpl(wrapper=True)
    def report_result(self) -> Generator[None, Any, Any]:
        """Around what Allure writes itself."""
        with self.counted():
            return (yield)

    report_container = report_attached_file = report_attached_data = report_result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what the report will lack."""
        for reason, count in self._counts.items():
            files = f"{count} files" if count > 1 else "1 file"
            terminalreporter.write_line(
                f"The report will lack {files} that could not be written ({reason}): free some disk space, or choose "
                "another place with --alluredir. The verdicts are not among them.",
                red=True,
            )


def stand_by(config: pytest.Config) -> LostResults:
    """Stand around Allure's writers as long as pytest's configuration lives."""
    lost = LostResults()
    plugin_manager.register(lost)
    config.add_cleanup(lambda: plugin_manager.unregister(lost))
    config.pluginmanager.register(lost, "packbench_lost_results")
    return lost
