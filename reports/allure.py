"""Shows one run in Allure's own terms: steps, parameters, table, figure, attachments.

It fills a test's result; `reports.results` looks after the folder, `reports.site` makes the HTML.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from math import isfinite
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from allure_commons.model2 import (
    Attachment,
    Label,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)

from bench.clock import utc_now
from bench.recording.aftermath import left_by, state_of
from bench.recording.journal import NAME as JOURNAL
from bench.recording.manifest import write_manifest
from bench.recording.table import NAME as TABLE
from bench.safety.benchverdict import BenchVerdict
from bench.verdicts import FAILED, Measurement
from reports import figure, interactive, loss_map, managed_days, round_trips, tables
from reports.beginning import beginning_of
from reports.deciding import decided
from reports.forensics import frames, shown
from reports.forensics.evidence import gather
from reports.health.measures import health_of
from reports.kpi import Kpi, evaluate
from reports.nights.earlier import earlier_run
from reports.panels import readable
from reports.recording import Event, Recording, RecordingError, Step, read_manifest
from reports.results import EVENTS, FIGURE, FORENSICS, INTERACTIVE, MANIFEST, NOT_BELIEVED, RECORDED
from reports.uncertainty import budget

# Bytes that still go into the report; what is larger stays in the run's folder, and the report says where.
LARGEST_TABLE, LARGEST_LOG = 1_000_000, 500_000

TOLD: Final = {
    "trip": "Guard", "warning": "Warning", "hold started": "Hold", "hold ended": "Hold", "gap": "Gap",
    "step resumed": "Gap",
}  # fmt: skip

STATUS: Final = {
    "PASS": Status.PASSED,
    "INCONCLUSIVE": Status.SKIPPED,
    **dict.fromkeys(map(str, FAILED.values()), Status.FAILED),
    "TEST ERROR": Status.BROKEN,
    "BENCH FAULT": Status.BROKEN,
    "ABORTED": Status.BROKEN,
}


def attach(result: TestResult, results: Path, body: bytes, name: str, mime: str, extension: str) -> None:
    """Write an attachment beside the results and hang it on one of them."""
    source = f"{uuid4()}-attachment.{extension}"
    (results / source).write_bytes(body)
    result.attachments.append(Attachment(name=name, source=source, type=mime))


def present(result: TestResult, folder: Path, results: Path) -> None:
    """Show a recorded run in a test's result: title, steps, figure, table, data.

    A run whose samples cannot be used still shows its manifest, and a sentence that says why no more.
    """
    try:
        recording = Recording.load(folder)
        record_kpis(folder, recording)
    except RecordingError as error:
        _present_without_samples(result, folder, results, error)
        return
    recording = replace(recording, manifest=read_manifest(folder))
    picture = _draw(recording)
    result.steps.extend(steps_of(recording, start=result.start or _now()))
    # The first line of a docstring is the title, shown above and filled with the parameters.
    beyond_title = (result.description or "").strip().partition("\n")[2].strip()
    result.descriptionHtml = describe(beyond_title, recording.manifest, picture, recording.damage)
    if recording.damage:
        result.labels.append(Label(name="tag", value="damaged"))
    if picture:
        attach(result, results, picture, FIGURE, "image/png", "png")
        page = interactive.html(recording, *(earlier_run(folder, recording.manifest) or ())).encode()
        attach(result, results, page, INTERACTIVE, "text/html", "html")
    _attach_pictures(result, recording, results)
    _present_manifest(result, recording.manifest, results)
    _attach_files(result, folder, results)
    _present_evidence(result, folder, results, recording)


def _present_without_samples(result: TestResult, folder: Path, results: Path, error: RecordingError) -> None:
    """What a run shows whose samples are not there; where they were, and are damaged, nobody can say that it passed."""
    attach(result, results, str(error).encode(), "Why there is no figure", "text/plain", "txt")
    with suppress(RecordingError):
        manifest = read_manifest(folder)
        result.descriptionHtml = describe("", manifest, None, [str(error)])
        _present_manifest(result, manifest, results)
    held = [(folder / name).exists() for name in (TABLE, JOURNAL)]
    if any(held) or not (folder / MANIFEST).exists():
        result.labels.append(Label(name="tag", value=NOT_BELIEVED))
        if result.status == Status.PASSED:
            result.status = STATUS["INCONCLUSIVE"]
            result.statusDetails = StatusDetails(message=f"INCONCLUSIVE: {error}")
    _present_evidence(result, folder, results, None)


def _present_evidence(result: TestResult, folder: Path, results: Path, recording: Recording | None) -> None:
    """What a reviewer asks for next of a test that did not pass, without asking."""
    evidence = gather(folder, recording)
    if evidence is None:
        return
    result.descriptionHtml = (result.descriptionHtml or "") + shown.summary(evidence)
    page = shown.page(result.name or folder.name, evidence)
    attach(result, results, page.encode(), FORENSICS, "text/html", "html")
    for body, name, mime, extension in (
        # As a table a hundred columns would be a letter wide each.
        (shown.as_csv(evidence) if len(evidence.rows) else "", "Last 60 s of every channel", "text/plain", "csv"),
        ("\n".join(evidence.wire), "The wire in the last 60 s", "text/plain", "txt"),
        (frames.as_text(evidence.frames), "The CAN bus in the last 60 s", "text/plain", "txt"),
    ):
        if body:
            attach(result, results, body.encode(), name, mime, extension)
    if evidence.frames:
        attach(result, results, frames.as_blf(evidence.frames), "can.blf, last 60 s", "application/octet-stream", "blf")


def _attach_pictures(result: TestResult, recording: Recording, results: Path) -> None:
    """What the motor lost on each road that was driven; what a manager made of its days; what came back of a charge."""
    for drawn in (
        *loss_map.pictures(recording), *managed_days.pictures(recording), *round_trips.pictures(recording),
    ):  # fmt: skip
        if drawn.why:
            text = f"{drawn.name}: {drawn.why}".encode()
            attach(result, results, text, f"Why there is no picture: {drawn.name}", "text/plain", "txt")
            continue
        attach(result, results, drawn.png, drawn.name, "image/png", "png")
        if drawn.text:
            attach(result, results, drawn.text.encode(), f"{drawn.name}: what was said", "text/plain", "txt")


def record_kpis(folder: Path, recording: Recording) -> None:
    """Put the KPIs into the run's manifest, what is wrong with one that failed, and who decided what was missed."""
    found = evaluate(recording)
    problems = {"kpi_problems": list(found.problems)} if found.problems else {}
    whose = [each.as_dict() for each in decided(recording, found.figures)]
    kept = {key: value for key, value in recording.manifest.items() if key not in ("kpi_problems", "decided")}
    bench = {"health": health_of(recording, folder), "begins_with": beginning_of(recording)}
    new = {"kpis": list(map(told, found.figures)), **bench, **problems, **({"decided": whose} if whose else {})}
    write_manifest(folder, {**kept, **new})


def told(figure: Kpi) -> dict[str, Any]:
    """A figure as it is kept, with how well it is known and where that comes from."""
    return figure.as_dict() | budget(figure).as_dict()


def steps_of(recording: Recording, start: int) -> list[TestStepResult]:
    """Tell the scenario as Allure steps; `start` is the test's own, ms. Durations are bench time."""
    told = [_step(recording, step, start) for step in recording.steps]
    known = {step.name for step in recording.steps}
    loose = [event for event in recording.of_type("measurement") if event.get("step") not in known]
    # A gap between two steps belongs to none of them.
    between = [_told(event, start) for event in recording.of_type("gap") if event.get("step") is None]
    return sorted(told + between, key=lambda step: step.start or 0) + [_measurement(event, start) for event in loose]


def describe(text: str, manifest: Mapping[str, Any], picture: bytes | None, damage: Sequence[str] = ()) -> str:
    """Write what a reviewer sees without a click: purpose, cause, table of results, figure."""
    parts = [f"<p>{escape(text)}</p>"] if text else []
    left = left_by(manifest.get("bench_verdict"), manifest)
    if left.unsafe:
        parts.append(f'<p style="color:#fff;background:#b00020;padding:8px"><b>{escape(left.told)}</b></p>')
    for number, cause in enumerate(tables.causes_of(manifest)):
        then = "Then: " if number else ""
        parts.append(f'<p style="color:#c62828"><b>{then}{escape(cause["text"])}</b>{_where(cause, manifest)}</p>')
    parts += [f"<p><b>{escape(text)}</b></p>" for text in tables.gaps_of(manifest)]
    parts += [f"<p><b>Damaged: {escape(text)}</b></p>" for text in damage]
    parts += [f"<p><b>Hard to decide here: {escape(text)}</b></p>" for text in manifest.get("doubts", ())]
    assumed = manifest["pack"].get("assumed")
    if assumed:
        said = f"Assumed of the simulated cell {manifest['pack']['cell']}, measured on none: {', '.join(assumed)}."
        parts.append(f"<p>{escape(said)} A verdict that rests on them is as good as they are.</p>")
    parts += [f"<p><b>Not computed: {escape(text)}</b></p>" for text in manifest.get("kpi_problems", ())]
    parts += [
        f"<p><b>{escape(name)}</b> in {escape(step)}: {escape(each['text'])}, at {readable(each['time'])}</p>"
        for (name, step), each in tables.decided_of(manifest).items()
    ]
    rows = tables.rows_of(manifest)
    if rows:
        parts.append(tables.as_html(rows))
    if picture:
        data = b64encode(picture).decode("ascii")
        parts.append(f'<p><img alt="{FIGURE}" style="max-width:100%" src="data:image/png;base64,{data}"></p>')
    return "".join(parts)


def _present_manifest(result: TestResult, manifest: Mapping[str, Any], results: Path) -> None:
    result.name = manifest["test"].get("title") or result.name
    duration = manifest.get("duration")
    shown = {
        "bench time": readable(float(duration)) if duration is not None else "unfinished",
        "station": manifest["station"]["name"],
        "pack": manifest["pack"]["name"],
        "pack serial": manifest["pack"].get("serial_number") or "unknown",
        "run": manifest["run_id"],
        "operator": manifest.get("operator") or "unknown",
        "bench verdict": _bench_verdict(manifest.get("bench_verdict")),
        "bench": state_of(manifest.get("bench_verdict"), manifest) or "never open",
    }
    begun = (manifest.get("begins_with") or {}).get("soc")
    if begun is not None:
        shown["state of charge at start"] = f"{100 * begun:.1f} %"
    cause = manifest.get("cause") or {}
    if cause.get("instrument"):
        shown["instrument"] = cause["instrument"]
    if cause.get("fault"):
        shown["fault"] = f"{cause['fault']}, {cause['blame']} to blame"
    if manifest.get("resumed_from"):
        shown["resumed from"] = manifest["resumed_from"]["run_id"]
    # excluded: a new serial number must not begin a new history of the test
    result.parameters.extend(Parameter(name=key, value=value, excluded=True) for key, value in shown.items())
    result.labels.append(Label(name="run", value=manifest["run_id"]))
    result.labels.extend(Label(name=kind, value=value) for kind, value in _fault_labels(manifest.get("cause") or {}))
    if tables.gaps_of(manifest):
        result.labels.append(Label(name="tag", value="resumed"))
    attach(
        result,
        results,
        json.dumps(manifest, ensure_ascii=False).encode(),
        MANIFEST,
        "application/json",
        "json",
    )
    never_better_than(result, manifest)


def _fault_labels(cause: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reviewer can sort and filter by: the tag is what both generations of Allure show."""
    return [("fault", cause["fault"]), ("tag", cause["fault"])] if cause.get("fault") else []


def _bench_verdict(found: Mapping[str, Any] | None) -> str:
    """Say beside the test's verdict how the bench was left; its own outcome, whatever the pack's."""
    return "none: the bench was never open" if found is None else str(BenchVerdict.from_dict(found))


def never_better_than(result: TestResult, manifest: Mapping[str, Any]) -> None:
    """Keep a result from passing when its run did not."""
    verdict = manifest.get("verdict")
    if result.status != Status.PASSED or verdict == "PASS":
        return
    cause = manifest.get("cause") or {"text": "the run never ended."}
    result.status = STATUS.get(str(verdict), Status.BROKEN)
    result.statusDetails = StatusDetails(message=f"{verdict or 'BENCH FAULT'}: {cause['text']}")


def _attach_files(result: TestResult, folder: Path, results: Path) -> None:
    rows = tables.rows_of(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    attach(result, results, tables.as_csv(rows).encode(), "KPIs", "text/csv", "csv")
    files = (
        ("events.jsonl", EVENTS, "text/plain", "txt", LARGEST_LOG),
        ("pretrigger.csv", "Last minute before the trip", "text/csv", "csv", LARGEST_TABLE),
        ("samples.parquet", RECORDED, "application/vnd.apache.parquet", "parquet", LARGEST_TABLE),
    )
    for file, name, mime, extension, largest in files:
        path = folder / file
        if path.exists() and path.stat().st_size <= largest:
            attach(result, results, path.read_bytes(), name, mime, extension)
        elif path.exists():
            result.parameters.append(Parameter(name=name, value=str(path), excluded=True))


def _draw(recording: Recording) -> bytes | None:
    try:
        return figure.png(recording)
    except ValueError:  # a run that ended before its first sample has nothing to draw
        return None


def _step(recording: Recording, step: Step, start: int) -> TestStepResult:
    set_points = {f"set {name}": f"{value:g}" for name, value in step.set_points.items()}
    reached = {name: f"{value:.5g}" for name, value in step.reached.items() if isfinite(value)}
    shown = {
        **set_points,
        **step.words,
        "until": " or ".join(step.until),
        "bench time": readable(step.duration),
        "ended by": step.ended_by or "the run ended in this step",
        **reached,
    }
    # By name, because a moment may end one step and begin the next; by time, because a name may come twice.
    inner = [
        event
        for event in recording.of_type(*TOLD, "measurement")
        if event.get("step", event.get("name")) == step.name
        and (event["type"] == "measurement" or step.start <= event["time"] <= step.stop)
    ]
    return TestStepResult(
        name=f"{step.index}. {step.name} ({step.kind})",
        status=STATUS.get(step.verdict or "ABORTED", Status.BROKEN),
        start=start + round(1000 * step.start),
        stop=start + round(1000 * step.stop),
        parameters=[Parameter(name=name, value=value) for name, value in shown.items() if value],
        steps=[
            _measurement(event, start) if event["type"] == "measurement" else _told(event, start) for event in inner
        ],
    )


def _measurement(event: Event, start: int) -> TestStepResult:
    measurement: Measurement = tables.measurement_of(event)
    moment = start + round(1000 * event["time"])
    requirement = f" [{measurement.requirement}]" if measurement.requirement else ""
    return TestStepResult(
        name=f"{measurement}{requirement}", status=STATUS[str(measurement.verdict)], start=moment, stop=moment
    )


def _told(event: Event, start: int) -> TestStepResult:
    """What the guard found or did: only a trip is a failure of anybody."""
    kind, moment = event["type"], start + round(1000 * event["time"])
    if kind == "step resumed":
        name = f"Went on with {event['name']}, after {readable(event['elapsed'])} of it were done before the gap"
        return TestStepResult(name=name, status=Status.PASSED, start=moment, stop=moment)
    if kind == "hold ended":
        went = "recovered" if event["recovered"] else "not recovered"
        name = f"Hold ended after {readable(event['duration'])}: {event['limit']} {went}"
        return TestStepResult(
            name=name, status=Status.PASSED if event["recovered"] else Status.BROKEN, start=moment, stop=moment
        )
    status = Status.PASSED
    if kind == "trip":
        status = Status.FAILED if event["blame"] == "pack" else Status.BROKEN
    return TestStepResult(name=f"{TOLD[kind]}: {event['text']}", status=status, start=moment, stop=moment)


def _where(cause: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Say in which step and when, as far as known; a figure is judged when all is over, and has no moment."""
    judged = {measured["name"] for measured in manifest.get("measurements", ())}
    step = f" in step {escape(cause['step'])!r}" if cause.get("step") else ""
    known = cause.get("time") is not None and cause.get("limit") not in judged
    moment = f" at {cause['time']:.0f} s" if known else ""
    return f" ({(step + moment).strip()})" if step or moment else ""


def _now() -> int:
    return int(1000 * utc_now().timestamp())
