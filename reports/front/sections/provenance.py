"""Where a session comes from, as the front page tells it: who, from which state, made from which files, what is new."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from reports import markup
from reports.front.shown import Shown
from reports.markup import badge, cells, table
from reports.nights.night import Night, files_of
from reports.outcome import Outcome
from reports.provenance import Difference

ORDER = 92
SHOWN = 30
"""Changed keys of one file that somebody reads."""
COMMITTED = {True: ("committed", "pass"), False: ("not committed", "unsure"), None: ("nobody knows", "notrun")}


def section(shown: Shown) -> str:
    """Nothing where no run was recorded."""
    tests, since = shown.tests, shown.since
    manifests = [test.manifest for test in tests if test.manifest]
    if not manifests:
        return ""
    facts = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in _facts(tests).items() if text)
    names = ("Made from", "SHA-256", "Since the last night", "")
    new = {each.what: each for each in since.differences}
    committed = {
        f"test {told['file']}": told.get("committed")
        for told in (manifest.get("test") or {} for manifest in manifests)
        if told.get("file")
    }
    rows = "".join(
        f"<tr>{cells(what, digest[:12])}<td>{_since(what, digest, new, since.last.before)}</td>"
        f"<td>{badge(*COMMITTED[committed[what]]) if what in committed else ''}</td></tr>"
        for what, digest in files_of(manifests).items()
    )
    devices = "".join(
        f"<tr>{cells(each.what)}<td></td><td>{_told(each)}</td><td></td></tr>"
        for each in since.differences
        if each.what.startswith("instrument ")
    )
    return markup.section("Where it comes from", table((), facts) + table(names, rows + devices) + _twice(tests))


def _twice(tests: Sequence[Outcome]) -> str:
    """Runs that several tests are told from: at most one of these can have left it."""
    runs = Counter(str(test.manifest["run_id"]) for test in tests if test.manifest)
    told = ", ".join(f"{run} ({count} tests)" for run, count in runs.items() if count > 1)
    return f"<p>More than one test is told from the same run: {escape(told)}.</p>" if told else ""


def _facts(tests: Sequence[Outcome]) -> dict[str, str]:
    operators = dict.fromkeys(str(test.manifest.get("operator") or "") for test in tests if test.manifest)
    begun = sorted(
        (str(test.manifest.get("started") or ""), test.manifest["begins_with"]["soc"])
        for test in tests
        if (test.manifest.get("begins_with") or {}).get("soc") is not None
    )
    charges = _charges([soc for _, soc in begun])
    return {"Operator": ", ".join(filter(None, operators)), "State of charge at start": charges}


def _charges(found: Sequence[float]) -> str:
    if not found:
        return ""
    first, low, high = (f"{100 * each:.1f} %" for each in (found[0], min(found), max(found)))
    return first if low == high else f"{first} in the first run; from {low} to {high} in all {len(found)}"


def _since(what: str, digest: str, new: dict[str, Difference], before: Night | None) -> str:
    if what in new:
        return _told(new[what])
    if before is None:
        return ""
    known = before.made_from.get(what)
    return "as it was" if known == digest and digest else "not known then"


def _told(difference: Difference) -> str:
    if not difference.keys:
        return f"changed: {escape(difference.why)}"
    shown = "".join(
        f"<li>{escape(each.key)}: {escape(each.was)} → {escape(each.now)}</li>" for each in difference.keys[:SHOWN]
    )
    more = f"<li>and {len(difference.keys) - SHOWN} more</li>" if len(difference.keys) > SHOWN else ""
    return f"changed:<ul>{shown}{more}</ul>"
