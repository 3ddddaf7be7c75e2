"""The command line: looks at a bench, makes it safe, and reads what its runs left behind.

The one composition root that may see every floor of the house; it measures and judges nothing itself. Nothing heavy
is imported before a command needs it: `packbench --help` answers in under half a second.

Exit status of every command: see `ExitStatus`.
"""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bench.durations import spell
from bench.verdicts import ExitStatus, InputError
from instruments.roles import Protections
from packbench import ending
from packbench.commands import (
    accept,
    adversary,
    export,
    fit,
    gate,
    join,
    judge,
    live,
    picture,
    prune,
    report,
    strategies,
)
from packbench.commands import map as maps
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, Runs
from packbench.console import fields_of, number, print_json, print_table, say, warn
from packbench.nightlies import Ci

if TYPE_CHECKING:
    from bench.checkup import BenchCheck, InstrumentCheck
    from bench.discovery import Scan
    from bench.recording.runs import RunSummary
    from bench.running.setup import Setup
    from bench.safety.benchverdict import BenchVerdict

app = typer.Typer(
    name="packbench",
    help="A pytest-driven hardware-in-the-loop bench for electric-vehicle batteries. "
    "Tests are run with pytest; these commands look after the bench and the recordings.",
    epilog="Exit status: 0 good, 1 the thing under test failed or was not judged, 2 wrong input or mistake in a test, "
    "3 bench fault or not verified safe, 130 interrupted.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain help: importing rich would take longer than all the rest
    pretty_exceptions_enable=False,
)


DEFAULT_STATION = "virtual-module"

Station = Annotated[str, typer.Argument(help="Station file or shipped name.")]
Pack = Annotated[str | None, typer.Option("--pack", help="Pack file or shipped name (default: the station's first).")]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Let the station file load code: dotted drivers, VISA libraries, any serial URL."),
]


def _tell_version(asked: bool) -> None:
    if asked:
        from bench.recording.run import versions

        typer.echo(" ".join(f"{name} {version}" for name, version in versions().items() if name != "platform"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """See `app`."""


def main() -> None:
    """Entry point: what a person can mend is one sentence on stderr and an exit status, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without ° must not end the program
    ending.end_with(app, sys.argv[1:])


# --- the bench ----------------------------------------------------------------------------------------------------


@app.command()
def check(
    station: Annotated[
        str | None,
        typer.Argument(
            metavar="STATION", help=f"Station file or shipped name (default: {DEFAULT_STATION}; of a scan: none)."
        ),
    ] = None,
    pack: Pack = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="List VISA resources, serial ports and CAN channels; compare with the file.")
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="With --scan: send *IDN? also to whom it may mean something else.")
    ] = False,
    limit: Annotated[
        float, typer.Option("--limit", min=0.1, max=600, help="With --scan: s for each library and address.")
    ] = 15.0,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Validate the station file, connect, identify, read back protections, look at calibration dates."""
    if scan:
        _scan(_setup(station, pack, trust) if station is not None else None, ask=ask, limit=limit, as_json=as_json)
    setup = _setup(station or DEFAULT_STATION, pack, trust)
    from bench import checkup
    from bench.clock import utc_now
    from reports import requirements

    requirements.check(setup.pack, setup.pack_file)
    found = checkup.check(setup, utc_now().date())
    if as_json:
        print_json({**fields_of(found), "ready": found.ready})
    else:
        _show_check(found)
    raise typer.Exit(ExitStatus.GOOD if found.ready else ExitStatus.BENCH_FAULT)


def _scan(setup: "Setup | None", *, ask: bool, limit: float, as_json: bool) -> NoReturn:
    """Look for what is there; with a station, its exit status says whether all of it is."""
    from bench import discovery

    found = discovery.scan(setup, ask=ask, limit=limit)
    if as_json:
        print_json({**fields_of(found), "complete": found.complete})
    else:
        _show_scan(found)
    raise typer.Exit(ExitStatus.GOOD if found.complete else ExitStatus.BENCH_FAULT)


def _show_scan(found: "Scan") -> None:
    if found.candidates:
        print_table(
            "What is there",
            ("kind", "address", "described as", "in the station file", "identity"),
            [(each.kind, each.address, each.description, each.name, each.identity) for each in found.candidates],
        )
    else:
        say("Nothing was found.")
    if found.compared:
        print_table(
            "The station file",
            ("instrument", "address", "state", "detail"),
            [(each.name, each.address, each.state, each.detail) for each in found.compared],
        )
    for problem in found.problems:
        say(f"NOT SEEN  {problem}")


@app.command()
def safe(
    station: Station = DEFAULT_STATION,
    pack: Pack = None,
    force: Annotated[bool, typer.Option("--force", help="Switch off also under somebody who holds the bench.")] = False,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Put the bench into its safe state now, and say what was verified."""
    setup = _setup(station, pack, trust)
    from bench import checkup

    made = checkup.make_safe(setup, force=force)
    if as_json:
        print_json({
            "station": station, **made.verdict.as_dict(), "found": made.found, "was": made.was,
            "held": made.holder or None,
        })  # fmt: skip
    else:
        _show_found(made.was)
        _show_safe(made.verdict)
    if made.holder:
        say(f"packbench: {made.holder} Until then that run can switch on again what was just switched off.", err=True)
    asked = ExitStatus.INTERRUPTED if made.asked_to_end else ExitStatus.GOOD
    raise typer.Exit(asked if made.verdict.safe and not made.holder else ExitStatus.BENCH_FAULT)


def _setup(station_name: str, pack_name: str | None, trusted: bool) -> "Setup":
    from bench.pack import load_pack
    from bench.station import load_station
    from bench.trust import refuse_untrusted

    station, station_file = load_station(station_name)
    refuse_untrusted(station, station_file, trusted=trusted)
    if pack_name is None and not station.packs:
        raise InputError(f"station {station_file}: it names no packs, so choose one with --pack.")
    pack, pack_file = load_pack(pack_name or station.packs[0])
    # Only now: a misspelt name must not wait for every instrument library.
    from bench.running.setup import Setup

    return Setup(station, station_file, pack, pack_file)


def _show_check(found: "BenchCheck") -> None:
    from bench.safety import powercut

    at_power_cut = powercut.warning(found.power_cut)
    if at_power_cut:
        say(f"POWER CUT  {at_power_cut}")
    _show_found(found.was)
    print_table(
        f"Station {found.station}, pack {found.pack}",
        ("instrument", "roles", "identity", "calibration due", "watchdog", "result"),
        [
            (entry.name, ", ".join(entry.roles), str(entry.identity or "no answer"),
             str(entry.calibration_due or "not stated"), _watchdog(entry), _result(entry))
            for entry in found.instruments
        ],
    )  # fmt: skip
    if found.protections:
        print_table(
            "Protections, as read back",
            ("instrument", "voltage / V", "current / A", "power / W", "temperature / °C", "watchdog / s"),
            [
                (name, *map(number, (p.over_voltage, p.over_current, p.over_power)), _span(p), number(p.watchdog))
                for name, p in found.protections.items()
            ],
        )
    _show_safe_state(found)
    problems = [f"{entry.name}: {text}" for entry in found.instruments for text in entry.problems]
    for text in (*problems, *found.problems):
        say(f"FAULT    {text}")
    for entry in found.instruments:
        for text in entry.warnings:
            say(f"WARNING  {entry.name}: {text}")
    say("Ready: a test can start." if found.ready else "Not ready.")


def _show_safe_state(found: "BenchCheck") -> None:
    """What switches off by itself, in which order the bench is made safe, and who can confirm it."""
    unwatched = [entry.name for entry in found.instruments if _watchdog(entry) == "NONE"]
    if unwatched:
        say(f"Without a communication watchdog: {', '.join(unwatched)}. {UNWATCHED}")
    say(f"Safe state: {', '.join(found.safe_state)}.")
    for step, who in found.confirmed_by.items():
        if who:
            say(f"VERIFIED {step}: by {', '.join(who)}.")
        elif step not in found.unverifiable:
            say(f"REPORTED {step}: no other instrument of this station can confirm it.")
    for step, why in found.unverifiable.items():
        say(f"UNKNOWN  {step}: {why}.")


def _show_found(found: Mapping[str, str]) -> None:
    """What was on, each in words."""
    for name, was in found.items():
        say(f"FOUND ON  {name}: it {was} when the bench was opened.")


UNWATCHED = "They keep doing what they were told last when this computer dies."


def _span(protections: Protections) -> str:
    """Between which temperatures an instrument keeps itself."""
    low, high = protections.under_temperature, protections.over_temperature
    return "none" if low is None or high is None else f"{low:g} to {high:g}"


def _watchdog(entry: "InstrumentCheck") -> str:
    from bench.safety.asfound import powers_of

    if entry.watchdog is not None:
        return f"{entry.watchdog:g} s"
    if entry.has_watchdog:
        return "not armed"
    return "NONE" if powers_of(entry.roles) else "not needed"


def _result(entry: "InstrumentCheck") -> str:
    return "FAULT" if entry.problems else "WARNING" if entry.warnings else "ok"


def _show_safe(verdict: "BenchVerdict") -> None:
    done = {True: "done", False: "NOT DONE"}
    words = {True: "verified", None: "reported", False: "NOT VERIFIED"}
    rows = [
        (step.name, done[step.done], words[step.verified], step.witness or "nobody", step.detail)
        for step in verdict.steps
    ]
    print_table("Safe state, in its order", ("step", "carried out", "state", "confirmed by", "read back"), rows)
    verified = verdict.state == "verified"
    say("The bench is safe." if verified else f"{str(verdict)[0].upper()}{str(verdict)[1:]}")


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - each is an option of the command
    station: Station = "served-module",
    pack: Pack = None,
    speed: Annotated[
        float | None, typer.Option("--speed", help="Bench seconds per second (default: as the station file says).")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    log: Annotated[
        Path | None, typer.Option("--log", help="Append every command and every change of an output, as JSON lines.")
    ] = None,
    exclusive: Annotated[
        list[str] | None, typer.Option("--exclusive", metavar="NAME", help="Instrument that accepts one connection.")
    ] = None,
    defect: Annotated[list[str] | None, typer.Option("--defect", help="Seed a defect, e.g. weak-cell:7:0.7.")] = None,
    trust: Trust = False,
    control: Annotated[
        bool, typer.Option("--control", help='Take lines like {"inject": ["silent:supply"]} from standard input.')
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a station's simulators in this process, on TCP, serial (pty) and CAN, until Ctrl-C."""
    from dataclasses import replace

    from bench import serving

    setup = replace(_setup(station, pack, trust), defects=tuple(defect or ()))
    speed = setup.station.speed if speed is None else speed
    standard_input = sys.stdin.fileno() if control else None
    offer = serving.Offer(host, speed, tuple(exclusive or ()), log, standard_input)
    with serving.serving(setup, offer, _print_event if as_json else _show_event) as server:
        for warning in serving.warnings(setup.station, offer):
            say(f"packbench: {warning}", err=True)
        if not as_json:
            say(f"{setup.station.name} with pack {setup.pack.name}, {offer.speed:g} bench s per s, on {host}:")
        serving.run_until_signalled(server)


def _print_event(event: Mapping[str, Any]) -> None:
    """One event on one line; commands are for the log alone."""
    if event["type"] != "command":
        say(json.dumps(event))


def _show_event(event: Mapping[str, Any]) -> None:
    match event:
        case {"type": "ready", "instruments": instruments}:
            for name, link in instruments.items():
                where = link.get("resource") or " ".join(f"{key} {value}" for key, value in link["can"].items())
                say(f"  {name:<14}{where}")
            say("Ready. Ctrl-C ends it.")
        case {"type": "state"}:
            words = [f"{name} {'ON' if event[name] else 'off'}" for name in _SWITCHES if event[name] is not None]
            values = f"{event['voltage']:.2f} V, {event['battery']:.2f} A"
            say(f"{event['bench']:10.2f} s  {', '.join(words)}, {values}")
        case {"type": "refused" | "not understood" | "log lost" | "ended" as kind, "text": text}:
            say(f"{event['bench']:10.2f} s  {' '.join((event.get('instrument', 'bench'), kind))}: {text}")


_SWITCHES = ("supply", "load", "contactor", "emulator")


# --- a repository of one's own ------------------------------------------------------------------------------------


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; its name is the bench's.")],
    ci: Annotated[Ci, typer.Option("--ci", help="Who runs its nightly; -jobs: in several jobs.")] = Ci.GITHUB,
    as_json: AsJson = False,
) -> None:
    """Write a repository that works: station, pack, one test, tox.ini, the nightly of a CI, README."""
    from packbench.new import write_repository

    files = write_repository(folder, ci)
    if as_json:
        print_json({"folder": folder.absolute(), "files": files})
    else:
        say(f"{folder}: {', '.join(path.as_posix() for path in files)}.")
        say(f"Go on there: cd {shlex.quote(str(folder))} && python3 -m pip install tox && tox run -e tests")


# --- recordings ---------------------------------------------------------------------------------------------------


@app.command()
def runs(
    folder: Runs = DEFAULT_RUNS,
    last: Annotated[int | None, typer.Option("--last", min=1, metavar="N", help="Only the N newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """List runs with their verdicts, newest last."""
    from dataclasses import asdict

    from bench.recording.runs import list_runs

    found = list_runs(folder)
    found = found[-last:] if last else found
    if as_json:
        print_json([asdict(run) for run in found])
    elif not found:
        say(f"There are no runs in {folder}.")
    else:
        header = ("run", "verdict", "bench", "station", "pack", "bench time", "first cause")
        print_table(None, header, map(_run_row, found))
        for run in found:
            if run.unsafe:
                warn(f"{run.run_id}: {run.left}")


def _run_row(run: "RunSummary") -> tuple[str, ...]:
    from bench.recording.aftermath import UNSAFE

    duration = "" if run.duration is None else spell(run.duration)
    bench = UNSAFE if run.unsafe else run.bench
    return run.run_id, run.verdict or run.state, bench, run.station, run.pack, duration, run.cause or ""


# Commands with a file of their own, in the order of the help.
app.command()(judge.judge)
app.command()(accept.accept)
app.command()(fit.fit)
app.command()(strategies.strategies)
app.command()(export.export)
app.command()(picture.picture)
app.command("map")(maps.map_)
app.command()(adversary.adversary)
app.command()(report.report)
app.command()(report.baseline)
app.command()(gate.gate)
app.command()(join.join)
app.command()(prune.prune)
app.command()(live.live)
