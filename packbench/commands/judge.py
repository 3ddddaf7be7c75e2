"""`packbench judge`: KPIs and verdicts again, of a run of ours or of a recording that another program has made."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.verdicts import ExitStatus, InputError, Measurement, Verdict
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, RunOrFile, RunsOption
from packbench.commands.recorded import load, used
from packbench.console import number, print_json, print_table, say, warn

if TYPE_CHECKING:
    from bench.recording.aftermath import Aftermath
    from bench.recording.rejudge import Rejudged
    from reports.foreign import ForeignRecording
    from reports.judging import Judged
    from reports.kpi import Evaluation
    from reports.limits import LimitsFile
    from reports.recording import Recording


def judge(
    run: RunOrFile,
    folder: RunsOption = DEFAULT_RUNS,
    pack: Annotated[
        str | None, typer.Option("--pack", help="Judge by what this pack file requires now (default: as recorded).")
    ] = None,
    limits: Annotated[
        str | None,
        typer.Option(
            "--limits", metavar="FILE",
            help="Judge by the requirements of this file: a pack file, a shipped pack, or a file of limits alone.",
        ),
    ] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Show where each figure's uncertainty comes from, the largest first.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Recompute KPIs and verdicts from the data of a run, or of a cycler's file, by its own limits or newer ones."""
    from bench.recording.runs import is_foreign

    if pack is not None and limits is not None:
        raise InputError("--pack and --limits both say what is required: leave one out.")
    if is_foreign(run):
        _judge_file(Path(run), limits or pack, why=why, as_json=as_json)
    with used(run):
        recording, left = _run_and_aftermath(run, folder)
        _judge_run(recording, left, pack, limits, why=why, as_json=as_json)


def _run_and_aftermath(run: str, folder: Path) -> "tuple[Recording, Aftermath]":
    from bench.recording.aftermath import aftermath
    from bench.recording.runs import find_run

    recording = load(run, folder)
    return recording, aftermath(recording.manifest, find_run(run, folder))


def _judge_run(
    recording: "Recording", left: "Aftermath", pack: str | None, limits: str | None, *, why: bool, as_json: bool
) -> None:
    """Judge a run, say what came of it and exit; its first verdict is told beside the new one."""
    from bench.recording.rejudge import rejudge, verdict_of
    from bench.verdicts import worst
    from reports import kpi

    manifest, found = recording.manifest, kpi.evaluate(recording)
    measurements = manifest["measurements"]
    newer = _newer(pack, limits)
    if newer is not None:
        from reports import requirements

        measurements = requirements.judged_by(newer, measurements)
    judged = rejudge(measurements, {(figure.name, figure.step): figure.value for figure in found.figures})
    verdict = verdict_of(manifest, judged)
    more = _not_asked_before(recording, found, newer, measurements) if limits is not None else []
    nothing = _of_nothing(newer, [*(entry.measurement for entry in judged), *(each.measurement for each in more)])
    if verdict is not None:  # one that never ended has none, whatever is required now
        verdict = worst([verdict, *(each.verdict for each in more), *([Verdict.INCONCLUSIVE] if nothing else [])])
    if as_json:
        print_json({
            "run_id": manifest["run_id"], "recorded_verdict": manifest["verdict"], "verdict": verdict,
            "cause": manifest["cause"], "why": nothing or None,
            "measurements": [entry.as_dict() for entry in judged] + [_as_dict(each) for each in more],
            **_figures(found, metered=True), "damage": recording.damage, "bench": left.state, "left": left.told or None,
        })  # fmt: skip
    else:
        _show_judgement(manifest, judged, more, found, verdict, why=why)
        if nothing:
            say(nothing)
        if left.unsafe:
            warn(left.told)
    raise typer.Exit(ExitStatus.of(verdict, unsafe=left.unsafe))


def _newer(pack: str | None, limits: str | None) -> "LimitsFile | None":
    """What is required now; None where nobody says so."""
    from reports.limits import load_limits

    if pack is not None:
        from bench.pack import load_pack
        from reports import requirements

        requirements.check(*load_pack(pack))
    name = limits if limits is not None else pack
    return None if name is None else load_limits(name)


def _of_nothing(newer: "LimitsFile | None", measurements: Sequence[Measurement]) -> str:
    """Why a judgement by these limits is none, in a sentence; empty where they judge something, or nobody gave any."""
    if newer is None or any(each.judged for each in measurements):
        return ""
    listed = ", ".join(map(repr, newer.requirements)) or "no figure at all"
    return (
        f"Nothing was judged: limits were given, for {listed}, and none of them for what was found here. In a table "
        "by temperature null is no limit; leave the limits out to see figures alone."
    )


def _not_asked_before(
    recording: "Recording", found: "Evaluation", newer: "LimitsFile | None", measurements: Sequence[Mapping[str, Any]]
) -> "list[Judged]":
    """Requirements that the run's test had not asked for: those without a condition speak of every step."""
    from bench.requirements import UNCONDITIONAL
    from reports.judging import judged

    if newer is None:
        return []
    asked = {str((each.get("required") or {}).get("key")) for each in measurements}
    conditional = {key for key, limit in newer.requirements.items() if UNCONDITIONAL not in limit}
    return judged(recording, found, newer, asked | conditional)


# --- a recording of another program -------------------------------------------------------------------------------


def _judge_file(path: Path, limits: str | None, *, why: bool, as_json: bool) -> None:
    """Judge a file and exit: as the run that it was exported from, or as it stands, examined first."""
    from bench.recording.aftermath import aftermath
    from bench.recording.manifest import RecordingError
    from reports.foreign.exported import read_back

    try:
        ours = read_back(path)
    except RecordingError as error:
        say(f"packbench: {error} It is judged as it stands.", err=True)
        ours = None
    if ours is not None:
        # The supervisor's word stays in the run's folder: of the bench the manifest alone tells.
        _judge_run(ours, aftermath(ours.manifest, path), None, limits, why=why, as_json=as_json)
    _judge_foreign(path, limits, why=why, as_json=as_json)


def _judge_foreign(path: Path, limits: str | None, *, why: bool, as_json: bool) -> None:
    from math import nan

    from reports import kpi
    from reports.foreign import open_recording
    from reports.judging import judged

    newer = _newer(None, limits)
    recording = open_recording(path, nan if newer is None else newer.rated_capacity)
    found = kpi.evaluate(recording)
    answers = judged(recording, found, newer) if newer is not None else []
    nothing = _of_nothing(newer, [each.measurement for each in answers])
    verdict = Verdict.INCONCLUSIVE if nothing else _worst(answers)
    if as_json:
        print_json({
            "run_id": recording.manifest["run_id"], "file": path, "format": recording.format,
            "records": len(recording.rows), "recorded_verdict": None, "verdict": verdict,
            "why": nothing or None, "findings": [
                {"check": each.check, "text": each.text, "withholds": sorted(each.withholds)}
                for each in recording.findings
            ],
            "steps": [
                {"name": each.name, "direction": each.direction, "start": each.start, "stop": each.stop,
                 "records": each.sample_count}
                for each in recording.steps
            ],
            "measurements": [_as_dict(each) for each in answers], **_figures(found, metered=False), "damage": [],
        })  # fmt: skip
    else:
        _show_foreign(recording, found, answers, verdict)
        if nothing:
            say(nothing)
        if why:
            say("No figure has an uncertainty: nobody knows the meters of a recording of another program.")
    raise typer.Exit(_status(recording, found, verdict))


def _worst(answers: "Sequence[Judged]") -> Verdict | None:
    from bench.verdicts import worst

    return worst([each.verdict for each in answers]) if answers else None


def _status(recording: "ForeignRecording", found: "Evaluation", verdict: Verdict | None) -> ExitStatus:
    """Nothing was required: good is a recording that gave figures, and wrong input one whose defects left none."""
    if verdict is not None:
        return ExitStatus.of(verdict)
    amounts = any(figure.key.endswith(" capacity") for figure in found.figures)
    return ExitStatus.WRONG_INPUT if recording.defects and not amounts else ExitStatus.GOOD


def _as_dict(judged: "Judged") -> dict[str, Any]:
    """As of a measurement of a run; there is no uncertainty where nobody knows the meters."""
    fields = judged.measurement.as_dict() | {"verdict": str(judged.verdict), "uncertainty": None}
    return fields | {"recorded_value": None, "recorded_verdict": None, "from_data": True, "why": judged.why or None}


def _figures(found: "Evaluation", *, metered: bool) -> dict[str, Any]:
    """Every KPI; with its uncertainty where the meters are known (`metered`)."""
    from reports.uncertainty import budget

    return {
        "kpis": [figure.as_dict() | (budget(figure).as_dict() if metered else {}) for figure in found.figures],
        "kpi_problems": found.problems,
        "unanswered": [{"name": each.name, "step": each.step} for each in found.unanswered],
    }  # fmt: skip


def _show_foreign(
    recording: "ForeignRecording", found: "Evaluation", answers: "Sequence[Judged]", verdict: Verdict | None
) -> None:
    count = len(recording.steps)
    say(f"{recording.manifest['run_id']}: {recording.format}, {len(recording.rows):,} records, {count} steps.")
    for finding in recording.findings:
        say(f"{'DEFECT  ' if finding.withholds else 'NOTE    '} {finding.text}")
    _show_figures(found)
    if answers:
        print_table(
            "Measurements (uncertainty: not known)", ("measurement", "step", "value", "allowed", "verdict"),
            [_answer_row(each) for each in answers],
        )  # fmt: skip
    for each in answers:
        if each.why:
            say(f"INCONCLUSIVE {each.measurement.name}: {each.why}.")
    say(f"Verdict: {verdict or 'none, nothing was required (--limits FILE)'}.")


def _answer_row(judged: "Judged") -> tuple[str, ...]:
    found = judged.measurement
    return found.name, found.step or "", f"{number(found.value)} {found.unit}", _bounds(found), str(judged.verdict)


def _bounds(found: Measurement) -> str:
    if found.unstated:
        return found.unstated
    bounds = (("≥", found.at_least), ("≤", found.at_most))
    return " and ".join(f"{word} {number(bound)}" for word, bound in bounds if bound is not None)


# --- a run of ours ------------------------------------------------------------------------------------------------


def _show_judgement(
    manifest: Mapping[str, Any],
    judged: "Sequence[Rejudged]",
    more: "Sequence[Judged]",
    found: "Evaluation",
    verdict: Verdict | None,
    *,
    why: bool,
) -> None:
    rows = [_judged_row(entry) for entry in judged] + [_newly_judged_row(each) for each in more]
    if rows:
        header = ("measurement", "step", "value", "allowed", "recorded", "verdict")
        print_table(f"Measurements of {manifest['run_id']}", header, rows)
    _show_metered(found, why=why)
    if not all(entry.from_data for entry in judged):
        say("* as recorded: no KPI of this name and step is computed from the samples.")
    recorded = manifest["verdict"] or "none, it never ended"
    cause = f" First cause: {manifest['cause']['text']}" if manifest["cause"] else ""
    say(f"Verdict: {verdict or 'none'} (recorded: {recorded}).{cause}")


def _show_metered(found: "Evaluation", *, why: bool) -> None:
    """Every KPI with its uncertainty, and where that comes from, if somebody asks `why`."""
    from reports.tables import Row
    from reports.uncertainty import budget

    figures = [(each, budget(each)) for each in found.figures]
    print_table(
        "KPIs, from the recorded data",
        ("kpi", "step", "value", "± (k = 2)", "unit"),
        [(each.name, each.step, number(each.value), _half(known.expanded), each.unit) for each, known in figures],
    )
    if why:
        rows = [Row(each.name, each.value, each.unit, each.step, known=known.as_dict()) for each, known in figures]
        print_table(
            "Standard uncertainties, the largest first",
            ("kpi", "step", "source"),
            [(each.name, each.step, each.contributions or "exact: a number of events") for each in rows],
        )
    _say_what_is_missing(found)


def _half(expanded: float) -> str:
    """Half-width of an uncertainty in two digits, as many as mean something (GUM 7.2.6)."""
    return f"{expanded:.2g}" if isfinite(expanded) else "not known"


def _show_figures(found: "Evaluation") -> None:
    print_table(
        "KPIs, from the recorded data",
        ("kpi", "step", "value", "unit"),
        [(figure.name, figure.step, number(figure.value), figure.unit) for figure in found.figures],
    )
    _say_what_is_missing(found)


def _say_what_is_missing(found: "Evaluation") -> None:
    if found.unanswered:
        without = ", ".join(f"{figure.name} of {figure.step!r}" for figure in found.unanswered)
        say(f"Without a value, for this recording has no answer: {without}.")
    for text in found.problems:
        say(f"FAULT    {text}")


def _judged_row(entry: "Rejudged") -> tuple[str, ...]:
    found = entry.measurement
    spread = f" ± {_half(found.uncertainty)}" if found.uncertainty else ""
    value = f"{number(found.value)}{spread} {found.unit}{'' if entry.from_data else ' *'}"
    return found.name, found.step or "", value, _bounds(found), str(entry.recorded_verdict), str(found.verdict)


def _newly_judged_row(each: "Judged") -> tuple[str, ...]:
    name, step, value, allowed, verdict = _answer_row(each)
    return name, step, value, allowed, "not asked", verdict
