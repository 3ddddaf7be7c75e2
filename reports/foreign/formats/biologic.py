"""BioLogic, text export of EC-Lab and BT-Lab (`.mpt`): mA, signed charge since the start, decimal commas by language.

Sources: published exports as read by battery-data-format at 1412b98, navani and galvani (names of the columns are
facts). Positive current is an oxidation of the working electrode: of a full cell a charge.
"""

import numpy as np

from bench.verdicts import InputError
from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.source import Source
from reports.foreign.tables import Column, TableFormat

FREQUENCY = "Frequency / Hz"


def _no_spectrum(source: Source) -> None:
    """Raise `InputError` for an impedance spectrum: its currents are means of a vibration, and no charge flows."""
    frequency = source.columns.pop(FREQUENCY, None)
    if frequency is not None and np.count_nonzero(np.asarray(frequency) > 0) > 0.5 * len(source):
        raise InputError(
            f"{source.path} is an impedance spectrum and no recording of what flowed: it has no step to be judged."
        )


FORMAT = TableFormat(
    title="BioLogic text (.mpt)",
    begins=("ec-lab ascii file", "bt-lab ascii file"),
    must=(labels.STEP_ID,),
    columns=(
        Column(labels.TIME, ("time",)),
        Column(labels.STEP_TIME, ("step time",)),
        Column(labels.STEP_ID, ("ns",), "1"),
        Column(labels.CYCLE, ("cycle number", "half cycle"), "1"),
        Column(labels.CURRENT, ("i", "<i>")),
        Column(labels.CURRENT, ("control",), "A"),
        Column(labels.VOLTAGE, ("ecell", "ewe", "<ewe>", "<ecell>", "ewe-ece")),
        Column(labels.CHARGE_AH, ("q charge",)),
        Column(labels.DISCHARGE_AH, ("q discharge",)),
        Column(labels.NET_AH, ("(q-qo)", "q-qo")),
        Column(labels.CHARGE_WH, ("energy charge",)),
        Column(labels.DISCHARGE_WH, ("energy discharge",)),
        Column(labels.WALL, ("absolute time",), read=values.dates),
        Column("Surface Temperature / degC", ("temperature", "t")),
        Column(FREQUENCY, ("freq",)),
    ),
    ready=_no_spectrum,
)
