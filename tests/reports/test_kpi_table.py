"""Every KPI that is shipped, as a report and a pack file know it: the whole table, in the data beside this file.

What a KPI computes is tested in `test_kpi.py`; that nobody's symbol, unit, sense, span or columns moved by accident is
tested here. A key that changes is one that pack files do not find any more.
"""

import csv
from pathlib import Path

from reports.kpi import KpiFunction, found

TABLE = Path(__file__).with_name("tables") / "kpis.csv"


def line(each: KpiFunction[...]) -> dict[str, str]:
    """One KPI as a line of the table; limits of a requirement in its unit."""
    return {
        "function": each.__name__,
        "key": each.key,
        "name": each.name,
        "symbol": each.symbol,
        "unit": each.unit,
        "sense": each.sense,
        "steps": str(each.steps),
        "columns": "; ".join(each.columns),
        "also": "; ".join(each.also),
        "span": "{:g} to {:g}".format(*each.span),
    }


def test_every_kpi_is_known_by_what_the_table_says() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        assert [line(each) for each in found().kpis] == list(csv.DictReader(file))
