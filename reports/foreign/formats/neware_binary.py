"""Neware's own files, `.nda` and `.ndax`, read by fastnda (BSD-3-Clause; the extra `cyclers`).

Source of the columns: fastnda 1.3.1. Positive current charges; the capacity is that of the step, without a sign.
"""

import logging

from bench.verdicts import InputError
from reports.foreign import source as labels
from reports.foreign.head import Head
from reports.foreign.source import Finding, Source
from reports.foreign.tables import Column, TableFormat, reader_of, way

TABLE = TableFormat(
    title="Neware binary",
    needs=("current ma", "total time s"),
    columns=(
        Column(labels.TIME, ("total time s",)),
        Column(labels.STEP_TIME, ("step time s",)),
        Column(labels.WALL, ("unix time s",)),
        Column(labels.STEP, ("step count",), "1"),
        Column(labels.STEP_ID, ("step index",), "1"),
        Column(labels.CYCLE, ("cycle count",), "1"),
        Column(labels.CURRENT, ("current ma",), "mA"),
        Column(labels.VOLTAGE, ("voltage v",)),
        Column(labels.STEP_AH, ("capacity mah",), "mAh"),
        Column(labels.STEP_WH, ("energy mwh",), "mWh"),
        Column("Surface Temperature / degC", ("aux1 temperature degc",)),
        way("step type", cc_chg=1, cccv_chg=1, cv_chg=1, cp_chg=1, cr_chg=1, cc_dchg=-1, cccv_dchg=-1, cv_dchg=-1,
            cp_dchg=-1, cr_dchg=-1, rest=0, pause=0),
    ),
)  # fmt: skip


class NewareBinary:
    """See `reports.foreign.tables.Format`."""

    title = TABLE.title

    def recognises(self, head: Head) -> int:
        """By its first bytes; an `.ndax` is an archive, and known by its name."""
        return 200 * (head.start.startswith(b"NEWARE") or (head.start.startswith(b"PK") and head.suffix == ".ndax"))

    def read(self, head: Head) -> Source:
        """Raises `InputError` without the extra, and for a file that fastnda cannot read."""
        with reader_of(head, "Neware's binary format", "export the records from BTSDA as text"):
            import fastnda
        said = _Said()
        try:
            with said:
                table = fastnda.read(head.path).to_arrow()
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
            raise InputError(f"{head.path} cannot be read as Neware's binary format: {reason}.") from error
        places = TABLE.places(table.column_names)
        if places is None or not table.num_rows:
            raise InputError(f"{head.path} holds no records with a time, a voltage and a current.")
        cells = {each.position: _plain(table.column(each.position)) for each in places.values()}
        source = TABLE.made_of(head, places, cells)
        source.told += [Finding("reader", text) for text in dict.fromkeys(said.texts)]
        return source


class _Said(logging.Handler):
    """What the reader has to say of a file belongs to the findings, and not to the terminal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self._logger = logging.getLogger("fastnda")
        self._kept = self._logger.propagate

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the sentence."""
        self.texts.append(f"fastnda: {' '.join(record.getMessage().split())}")

    def __enter__(self) -> None:
        self._logger.propagate = False
        self._logger.addHandler(self)

    def __exit__(self, *raised: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._kept


def _plain(column: "pa.ChunkedArray") -> "pa.ChunkedArray":  # type: ignore[name-defined]  # noqa: F821 - imported late
    import pyarrow as pa

    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


FORMAT = NewareBinary()
