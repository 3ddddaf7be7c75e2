"""KPIs of somebody else's, good and bad, as a package of theirs would bring them."""

from collections.abc import Callable

import numpy as np

from packbench import Recording, kpi

VOLTAGE = "Voltage / V"


@kpi.of_step("lowest voltage", symbol="U_min", unit="V", sense="at_least", columns=(VOLTAGE,))
def lowest_voltage(run: Recording, step: kpi.Step) -> float:
    """Lowest voltage at the terminals within the step."""
    return float(run.values(VOLTAGE, step).min())


@kpi.of_step(
    "voltage drift {over:g} s", symbol="dU_{over:g}", unit="V", sense="within", columns=(VOLTAGE,), span=(0, 100),
    applies=lambda _run, step: step.direction == "none",
)  # fmt: skip
def voltage_drift(run: Recording, step: kpi.Step, over: float = 60.0) -> kpi.Explained:
    """Change of the voltage over the last {over:g} s of the step, which ended at {end} V."""
    time, volts = run.values("Test Time / s", step), run.values(VOLTAGE, step)
    change = float(volts[-1] - np.interp(time[-1] - over, time, volts))
    return kpi.Explained(change, end=f"{volts[-1]:g}")


def _of(key: str, answer: Callable[[], object]) -> kpi.KpiFunction[...]:
    @kpi.of_step(key, symbol="x", unit="V", sense="at_least", columns=(VOLTAGE,))
    def bad(_run: Recording, _step: kpi.Step) -> float:
        """What is wrong with it is its value."""
        return answer()  # type: ignore[return-value]

    return bad


def _complain(text: str) -> float:
    raise ValueError(text)


raising = _of("raising", lambda: 1 / 0)
wordy = _of("wordy", lambda: _complain("first line\nsecond line"))
text = _of("text", lambda: "3.3")
truth = _of("truth", lambda: True)
nothing = _of("nothing", lambda: None)
unknown = _of("unknown", lambda: float("nan"))
boundless = _of("boundless", lambda: float("inf"))
single = _of("single", lambda: np.float32(3.25))
twin = _of("temperature rise", lambda: 1.0)
hidden_twin = _of("dc resistance 10 s", lambda: 1.0)
choosy = kpi.of_step(
    "choosy", symbol="x", unit="V", sense="at_least", columns=(), applies=lambda _run, _step: bool(1 / 0)
)(lowest_voltage.function)
NO_KPI = 42
