"""Types of what the fixtures give, for a test that annotates its arguments."""

from collections.abc import Callable

from bench.verdicts import Verdict
from reports.recording import Recording

RunScenario = Callable[..., Recording]
"""`run_scenario(*steps)`: run steps on the bench and return what was recorded."""
Require = Callable[..., Verdict]
"""`require(kpi, at=…)` by what the pack requires, or `require(kpi, at_least=…, at_most=…)`: verify a figure, record it
with its limits and uncertainty, and go on."""
