"""One recording whose amounts are known by arithmetic, as the text export of each make: headers are the makes' own.

A rest, 2 A out for an hour, a rest, 1 A in for two hours, a rest; a record every 10 s and one at each change. Two
ampere-hours leave and return, whatever a file's counters, units, signs and commas say them in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

AMPERE_HOURS = 2.0
BEGAN = datetime(2024, 3, 1, 8, 0, 0)  # noqa: DTZ001 - as cyclers write it


@dataclass(frozen=True)
class Record:
    """One record, in SI units; amounts since the start of the step."""

    time: float
    step: int
    within: float
    current: float
    voltage: float
    ampere_hours: float
    watt_hours: float
    charged: float
    discharged: float
    energy_in: float
    energy_out: float

    @property
    def way(self) -> str:
        return "C" if self.current > 0 else "D" if self.current < 0 else "R"

    @property
    def moment(self) -> datetime:
        return BEGAN + timedelta(seconds=self.time)

    @property
    def net(self) -> float:
        return self.charged - self.discharged


STEPS = ((0.0, 600), (-2.0, 3600), (0.0, 600), (1.0, 7200), (0.0, 600))


def records(
    period: float = 10.0, steps: Sequence[tuple[float, float]] = STEPS, slope: float = 0.4, ohms: float = 0.02
) -> list[Record]:
    """The recording. The voltage is that of a straight open-circuit line (V/Ah) behind a resistance."""
    found: list[Record] = []
    start, charged, discharged, energy_in, energy_out = 0.0, 0.0, 0.0, 0.0, 0.0
    for step, (current, seconds) in enumerate(steps, 1):
        begun = charged - discharged
        count = round(seconds / period)
        for within in [number * period for number in range(count + 1)]:
            hours = within / 3600
            moved = current * hours
            voltage = 4.0 + slope * (begun + moved) + ohms * current
            # The mean voltage of a straight line is that of its ends.
            energy = moved * (voltage + (4.0 + slope * begun + ohms * current)) / 2
            found.append(
                Record(
                    start + within, step, within, current, voltage, abs(moved), abs(energy),
                    charged + max(moved, 0), discharged + max(-moved, 0),
                    energy_in + max(energy, 0), energy_out + max(-energy, 0),
                )
            )  # fmt: skip
        last = found[-1]
        charged, discharged, energy_in, energy_out = last.charged, last.discharged, last.energy_in, last.energy_out
        start = last.time
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str = ",") -> str:
    """A delimited text."""
    return "\n".join(delimiter.join(map(str, row)) for row in (header, *rows)) + "\n"


def span(seconds: float) -> str:
    """`1d 02:03:04.50`, as Maccor writes it."""
    days, rest = divmod(seconds, 86400)
    return f"  {days:.0f}d {rest // 3600:02.0f}:{rest % 3600 // 60:02.0f}:{rest % 60:05.2f}"


def clock(seconds: float) -> str:
    """`27:14:09`, as Neware writes it."""
    return f"{seconds // 3600:02.0f}:{seconds % 3600 // 60:02.0f}:{seconds % 60:02.0f}"


def bdf(found: Sequence[Record]) -> str:
    header = ("Test Time / s", "Voltage / V", "Current / A", "Unix Time / s", "Charging Capacity / Ah",
              "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh")  # fmt: skip
    return table(header, (
        (each.time, each.voltage, each.current, 1709280000 + each.time, each.charged, each.discharged, each.energy_in,
         each.energy_out) for each in found
    ))  # fmt: skip


def bare(found: Sequence[Record]) -> str:
    """Nothing but what the format requires, by its machine names."""
    return table(
        ("test_time_second", "voltage_volt", "current_ampere"),
        ((each.time, each.voltage, each.current) for each in found),
    )


def arbin(found: Sequence[Record]) -> str:
    header = ("Data_Point", "Test_Time(s)", "Date_Time", "Step_Time(s)", "Step_Index", "Cycle_Index", "Current(A)",
              "Voltage(V)", "Charge_Capacity(Ah)", "Discharge_Capacity(Ah)", "Charge_Energy(Wh)",
              "Discharge_Energy(Wh)", "Internal_Resistance(Ohm)", "Aux_Temperature_1(C)")  # fmt: skip
    return table(header, (
        (n, each.time, f"{each.moment:%m/%d/%Y %H:%M:%S}", each.within, each.step, 1, each.current, each.voltage,
         each.charged, each.discharged, each.energy_in, each.energy_out, 0, 25.1) for n, each in enumerate(found, 1)
    ))  # fmt: skip


def maccor(found: Sequence[Record]) -> str:
    """Magnitudes, and counters of the step."""
    top = "Today's Date 03/02/2024  Date of Test:\t03/01/2024\t Filename:\tC:\\data\\cell.001\n"
    header = ("Rec#", "Cyc#", "Step", "TestTime", "StepTime", "Amp-hr", "Watt-hr", "Amps", "Volts", "State", "ES",
              "DPt Time")  # fmt: skip
    return top + table(header, (
        (n, 0, each.step, span(each.time), span(each.within), each.ampere_hours, each.watt_hours, abs(each.current),
         each.voltage, each.way, 1, f"{each.moment:%m/%d/%Y %H:%M:%S}") for n, each in enumerate(found, 1)
    ), "\t")  # fmt: skip


def maccor_in_mamps(found: Sequence[Record]) -> str:
    """Decimal commas and milliamperes."""
    header = (
        "Rec",
        "Cycle C",
        "Step",
        "TestTime",
        "StepTime",
        "mAmp-hr",
        "mWatt-hr",
        "mAmps",
        "Volts",
        "Md",
        "DPt Time",
    )
    text = table(header, (
        (n, 0, each.step, f"{each.time:.3f}", f"{each.within:.3f}", f"{1000 * each.ampere_hours:.6f}",
         f"{1000 * each.watt_hours:.6f}", f"{1000 * abs(each.current):.3f}", f"{each.voltage:.6f}", each.way,
         f"{each.moment:%m/%d/%Y %H:%M:%S}") for n, each in enumerate(found, 1)
    ), "\t")  # fmt: skip
    return "Name:\tcell\nChannel:\t7\n\n" + text.replace(".", ",")


def neware(found: Sequence[Record]) -> str:
    """Counters of the step, time of the step and since the start as clocks."""
    words = {"C": "CC Chg", "D": "CC DChg", "R": "Rest"}
    header = ("DataPoint", "Cycle Index", "Step Index", "Step Type", "Time", "Total Time", "Current(A)", "Voltage(V)",
              "Capacity(Ah)", "Chg. Cap.(Ah)", "DChg. Cap.(Ah)", "Energy(Wh)", "Date")  # fmt: skip
    return table(header, (
        (n, 1, each.step, words[each.way], clock(each.within), clock(each.time), each.current, each.voltage,
         each.ampere_hours, each.ampere_hours * (each.way == "C"), each.ampere_hours * (each.way == "D"),
         each.watt_hours, f"{each.moment:%Y-%m-%d %H:%M:%S}") for n, each in enumerate(found, 1)
    ))  # fmt: skip


def neware_layered(found: Sequence[Record]) -> str:
    """Lines of cycles and steps between those of records."""
    top = (
        "Cycle Index,Chg. Cap.(Ah),DChg. Cap.(Ah)\n,Step Index,Step Number,Step Type,Step Time,Capacity(Ah)\n"
        ",,DataPoint,Time,Total Time,Current(A),Voltage(V),Capacity(Ah),Energy(Wh),Date\n1,2.0,2.0\n"
    )
    lines = [top]
    for n, each in enumerate(found, 1):
        if not each.within:
            lines.append(f",{each.step},{each.step},CC,00:10:00,0.33,4.1,3.9\n")
        lines.append(
            f",,{n},{clock(each.within)},{clock(each.time)},{each.current},{each.voltage},{each.ampere_hours},"
            f"{each.watt_hours},{each.moment:%Y-%m-%d %H:%M:%S}\n"
        )
    return "".join(lines)


def novonix(found: Sequence[Record]) -> str:
    """Hours, and a signed counter since the start."""
    top = "[Summary]\nNovonix HPC data file\nCapacity (Ah): 2.0\n[End Summary]\n[Data]\n"
    header = ("Date and Time", "Cycle Number", "Step Type", "Run Time (h)", "Step Time (h)", "Current (A)",
              "Potential (V)", "Capacity (Ah)", "Temperature (°C)", "Energy (Wh)", "Step Number")  # fmt: skip
    return top + table(header, (
        (f"{each.moment:%Y-%m-%d %I:%M:%S %p}", 1, 1, each.time / 3600, each.within / 3600, each.current, each.voltage,
         each.net, 25.0, each.energy_in - each.energy_out, each.step) for each in found
    ))  # fmt: skip


def pec(found: Sequence[Record]) -> str:
    """Millivolts, milliamperes; two columns with one name, told apart by their units."""
    top = "Request Year:,2024\nTest:,187\nTestRegime Name:,capacity\n"
    header = ("Test", "Cell", "Rack", "Step", "Cycle", "Total Time (Seconds)", "Load On Time (Seconds)",
              "Step Time (Seconds)", "Real Time", "Voltage (mV)", "Current (mA)", "Charge Capacity (mAh)",
              "Discharge Capacity (mAh)", "Charge Capacity (mWh)", "Discharge Capacity (mWh)")  # fmt: skip
    return top + table(header, (
        (187, 1, "A", each.step, 0, each.time, 0, each.within, f"{each.moment:%m/%d/%Y %H:%M:%S}", 1000 * each.voltage,
         1000 * each.current, 1000 * each.charged, 1000 * each.discharged, 1000 * each.energy_in,
         1000 * each.energy_out) for each in found
    ))  # fmt: skip


def biologic(found: Sequence[Record]) -> str:
    """Tabs, decimal commas and the charge since the start with its sign."""
    header = ("mode", "ox/red", "time/s", "Ewe/V", "<I>/mA", "(Q-Qo)/mA.h", "cycle number", "Ns")
    text = table(header, (
        (1, 1, f"{each.time:.4f}", f"{each.voltage:.6f}", f"{1000 * each.current:.6f}", f"{1000 * each.net:.6f}",
         "1.0", each.step) for each in found
    ), "\t")  # fmt: skip
    return "EC-Lab ASCII FILE\nNb header lines : 4\n\n" + text.replace(".", ",")


def basytec(found: Sequence[Record]) -> str:
    header = ("~Time[h]", "DataSet", "t-Step[h]", "Line", "U[V]", "I[A]", "Ah[Ah]", "Wh[Wh]", "T1[°C]")
    return "~Resultfile from Basytec Battery Test System\n~\n" + table(header, (
        (each.time / 3600, n, each.within / 3600, each.step, each.voltage, each.current, each.net,
         each.energy_in - each.energy_out, 25.0) for n, each in enumerate(found, 1)
    ), " ".replace(" ", "\t"))  # fmt: skip


def digatron(found: Sequence[Record]) -> str:
    """The line of units stands below that of names."""
    header = ("Time Stamp", "Step", "Status", "Prog Time", "Step Time", "Cycle", "Voltage", "Current", "AhCha", "AhDch")
    rows = [("", "", "", "", "", "", "[V]", "[A]", "[Ah]", "[Ah]")]
    rows += [
        (f"{each.moment:%m/%d/%Y %I:%M:%S %p}", each.step, "CHA", clock(each.time), clock(each.within), 1, each.voltage,
         each.current, each.charged, each.discharged) for each in found
    ]  # fmt: skip
    return table(header, rows)


def landt(found: Sequence[Record]) -> str:
    """A comma behind each record, and counters of the step."""
    words = {"C": "charge CC", "D": "discharge CC", "R": "rest"}
    header = ("channel_index", "cycle_index", "step_index", "date_time_iso_string", "test_time_s", "step_time_s",
              "current_A", "voltage_V", "discharge_capacity_Ah", "charge_capacity_Ah", "step_name")  # fmt: skip
    return "cell model:,,,\ncell id: ,,,\n" + table(header, (
        (n, 1, each.step, f"{each.moment:%m/%d/%Y %H:%M:%S}", each.time, each.within, each.current, each.voltage,
         each.ampere_hours * (each.way == "D"), each.ampere_hours * (each.way == "C"), words[each.way], "")
        for n, each in enumerate(found, 1)
    ))  # fmt: skip


def of_nobody(found: Sequence[Record]) -> str:
    """A table that somebody wrote in a notebook, with the number of each row in front."""
    return table(
        ("", "Time (min)", "U / V", "I (mA)"),
        ((n, each.time / 60, each.voltage, 1000 * each.current) for n, each in enumerate(found)),
        ";",
    )


MAKES: dict[str, Callable[[Sequence[Record]], str]] = {
    "Battery Data Format": bdf, "Battery Data Format, bare": bare, "Arbin": arbin, "Maccor": maccor,
    "Maccor, mA": maccor_in_mamps, "Neware": neware, "Neware text (layered)": neware_layered, "Novonix": novonix,
    "PEC": pec, "BioLogic": biologic, "Basytec": basytec, "Digatron": digatron, "LANDT": landt,
    "a table with headers": of_nobody,
}  # fmt: skip
"""A writer for each make, by the beginning of what its format is called."""
