"""The role: what a bench can ask of an insulation tester, and what the bench has to know of it.

Declared in `pyproject.toml`, group `packbench.roles`, name `insulation tester`: a station file gives an instrument that
role, and opening, scan, supervisor, power cut and safe state know it from then on.
"""

from typing import Protocol, runtime_checkable

from packbench import Channel, Column, Power, Role, SafeStep

NAME = "insulation tester"
RESISTANCE = "Insulation Resistance / Ohm"
TEST_VOLTAGE = "Test Voltage / V"
TOUCHABLE = 60.0
"""V d.c. up to which a circuit is voltage class A and needs no protection against touch (ISO 6469-3)."""

CHANNELS = (
    Channel("resistance", "resistance", "Ohm"),
    Channel("test voltage", "voltage", "V"),
    Channel("leakage current", "current", "A"),
)
"""Between the poles of the pack, joined, and its case. The resistance has a value only while the test voltage is on."""


@runtime_checkable
class InsulationTester(Protocol):
    """Puts a d.c. voltage between the poles of the pack and its case, and measures what leaks.

    Channels of its scan: `resistance` Ohm (nan while the test voltage is off), `test voltage` V across the pack's
    insulation, also what is left there of it, and `leakage current` A.
    """

    @property
    def highest_test_voltage(self) -> float:
        """V that it, and what it is connected by, may put on."""
        ...

    def apply_test_voltage(self, voltage: float) -> None:
        """Put `voltage` V (d.c.) on and read back that it is.

        Raises `SetPointRejected` outside what it may put on, before anything is sent.
        """
        ...

    def test_voltage_off(self) -> None:
        """Take the test voltage off and discharge what was charged; may be called first of all, before `identify`."""
        ...

    def test_voltage_is_off(self) -> bool:
        """Read back that it is off, and that less than 60 V d.c. is left of it; may be called until it says True."""
        ...


ROLE = Role(
    name=NAME,
    protocol=InsulationTester,
    channels=CHANNELS,
    # Who opens the contactors must answer before anything is tested behind them.
    opens_after=("bms",),
    asks={"apply_test_voltage": ("voltage",)},
    power=Power(
        "test voltage", "test voltage still reads on, or is not discharged", "test_voltage_is_off", "test_voltage_off",
        opens_first=True, insist=True,
    ),
    steps=(
        SafeStep(
            "test voltage off", rank=5,
            before={"contactor open": "the contactor would be moved with the test voltage on it"},
        ),
    ),
    columns=(Column(RESISTANCE, "resistance"), Column(TEST_VOLTAGE, "test voltage")),
)  # fmt: skip
