"""A user's cycle: read as it is meant, or refused with the line that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vehicle.cycles import CycleError, PowerTrace, read_cycle
from models.vehicle.trace import Trace
from tests.models.vehicle.traces import cycle, path_of

KNOWN = {  # distance m, top km/h, mean km/h: published statistics
    "wltc_3b": (23266.3, 131.30, 46.53),
    "udds": (11990.4, 91.25, 31.53),
    "hwfet": (16506.8, 96.40, 77.68),
    "us06": (12887.6, 129.23, 77.33),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_certification_cycle_has_its_published_statistics(name: str) -> None:
    trace, (distance, top, mean) = cycle(name), KNOWN[name]
    assert trace.distance == pytest.approx(distance, rel=1e-4)
    assert 3.6 * trace.speed.max() == pytest.approx(top, abs=0.06)
    assert 3.6 * trace.distance / trace.duration == pytest.approx(mean, rel=1e-3)


def written(folder: Path, text: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


speeds = st.lists(st.floats(0.0, 3.0), min_size=2, max_size=40).filter(lambda steps: max(steps) > 1e-6)


@given(
    speeds,
    st.sampled_from([("m/s", 1.0), ("km/h", 3.6), ("mph", 3.6 / 1.609344)]),
    st.sampled_from([("s", 1.0), ("min", 1 / 60)]),
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ",")]),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["{} / {}", "{}_{}", "{} [{}]", "{} ({})"]),
)
def test_units_separators_and_marks_do_not_change_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], speed: tuple[str, float], time: tuple[str, float],
    marks: tuple[str, str], mark: str, label: str,
) -> None:  # fmt: skip
    separator, decimal = marks
    rows = [separator.join([label.format("time", time[0]), label.format("speed", speed[0])])]
    for second, value in enumerate(steps):
        rows.append(separator.join(f"{x:.12f}".replace(".", decimal) for x in (second * time[1], value * speed[1])))
    path = written(tmp_path_factory.mktemp("cycle"), mark + "\r\n".join(rows) + "\n")
    trace = read_cycle(path)
    assert isinstance(trace, Trace)
    assert trace.speed == pytest.approx(np.array(steps), abs=1e-8)
    assert trace.time == pytest.approx(np.arange(len(steps)), abs=1e-6)


def test_a_power_cycle_is_read_as_power(tmp_path: Path) -> None:
    trace = read_cycle(written(tmp_path, "time_s,power_kW\n0,1\n1,-2.5\n"))
    assert isinstance(trace, PowerTrace)
    assert trace.power.tolist() == [1000.0, -2500.0]


def test_a_grade_is_read_beside_the_speed(tmp_path: Path) -> None:
    trace = read_cycle(written(tmp_path, "time_s,speed_kmh,grade_%\n0,36,5\n1,36,5\n"))
    assert isinstance(trace, Trace)
    assert trace.climb[-1] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time_s,speed_kmh\n0,0\n1,3\n1,5\n", "line 4: time goes from 1 s to 1 s; it must rise"),
        ("time_s,speed_kmh\n0,0\n1,3\n0.5,5\n", "line 4: time goes from 1 s to 0.5 s"),
        ("time_s,speed_kmh\n5,0\n6,3\n", "line 2: begins at 5 s"),
        ("time_s,speed_m/s\n0,0\n1,36\n2,72\n3,108\n", "a car's is from 0 to 252 km/h; is it km/h?"),
        ("time_s,speed_kmh\n0,50\n1,400\n2,50\n3,50\n4,50\n", r"line 3: speed is 111.1 m/s \(400 km/h\)"),
        ("time_s,speed_kmh\n0,50\n1,240\n2,50\n3,50\n4,50\n", "line 3: speed goes from 50.0 to 240.0 km/h in 1 s"),
        ("time_s,speed_kmh\n0,0\n1,-3\n", "line 3: speed is -0.8333 m/s"),
        ("time_s,speed\n0,0\n1,3\n", "column 'speed' has no unit; write one of m/s,"),
        ("time_s,speed_furlong\n0,0\n1,3\n", "column 'speed_furlong' has the unit 'furlong'"),
        ("time_s,height_m\n0,0\n1,3\n", "has neither of speed and power"),
        ("time_s,speed_kmh,power_W\n0,0,0\n1,3,1\n", "has both of speed and power"),
        ("speed_kmh,power_W\n0,0\n1,3\n", "no column of 'speed_kmh, power_W' is the time"),
        ("time_s,target speed_kmh,speed_kmh\n0,0,0\n1,3,3\n", "'target speed_kmh' and 'speed_kmh' are both the speed"),
        ("time_s,speed_kmh\n0,0\n1,fast\n", "line 3: speed is 'fast'; give a number"),
        ("time_s,speed_kmh\n0,0\n1\n", "line 3: '1' has 1 cell, the header 2; give each row a cell"),
        ("time_s,speed_kmh\n0,0\n1,\n", "line 3: speed is ''; give a number"),
        ("time / s,speed / km/h\n0,0,0,0\n1,0,3,5\n", "line 2: '0,0,0,0' has 4 cells, the header 2; are there decimal"),
        ("time_s,speed_kmh\n0,0\n1,3\n2,3,5\n", "line 4: '2,3,5' has 3 cells, the header 2; are there decimal commas"),
        ("time_s;speed_kmh\n0;0\n1;3;5\n", "line 3: '1;3;5' has 3 cells, the header 2; give each row a cell"),
        ('time_s,speed_kmh\n0,0\n1,"3\n', "line 3: is no CSV"),
        ("time_s,speed_kmh\n0,0\n1,0\n2,0\n3,0\n", "stands for all of its 3 s; a cycle of speeds goes somewhere"),
        ("time_s,speed_kmh\n0,0\n1,nan\n", "line 3: speed is 'nan'; give a number"),
        ("time_s;speed_kmh\n0;0\n1;1,5,2\n", "line 3: speed is '1,5,2'; give a number"),
        ("time_s,speed_kmh,grade_%\n0,36,5\n1,36,80\n", "line 3: grade is 0.8 m/m; a car's is up to 40 %"),
        ("time_s,power_W\n0,0\n1,2e7\n", "line 3: power is 2e.07 W"),
        ("time_s,speed_kmh\n", "has 0 points"),
        ("", "has 0 points"),
    ],
)
def test_what_no_car_has_driven_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(CycleError, match=sentence) as caught:
        read_cycle(written(tmp_path, text))
    assert str(caught.value).startswith("mine.csv: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "Test time, secs\tTarget speed, mph\n0\t0\n1\t3\n",
        "cycSecs,cycMps,cycGrade,cycRoadType\n0,0,0,0\n1,1.34112,0,0\n",
        "# EPA dynamometer drive schedule\n# secs, mph\ntime (seconds);speed (mph)\n0;0\n1;3,0\n",
        "Time_s,Vehicle_Speed_kph\n0,0\n1,4.828032\n",
        "Time_s,Vehicle_Speed_kph\n0,0,\n1,4.828032,,\n",
        "Time_s;Vehicle_Speed_kph;\n0;0;\n1;4.828032;\n",
    ],
)
def test_headers_of_published_cycles_are_read(tmp_path: Path, text: str) -> None:
    trace = read_cycle(written(tmp_path, text))
    assert isinstance(trace, Trace)
    assert trace.speed.tolist() == pytest.approx([0.0, 3 * 0.44704])


@pytest.mark.parametrize("name", KNOWN)
def test_a_cycle_in_kilometres_per_hour_that_says_metres_per_second_is_refused(tmp_path: Path, name: str) -> None:
    trace = cycle(name)
    rows = (f"{time:g},{3.6 * speed:.4f}\n" for time, speed in zip(trace.time, trace.speed, strict=True))
    with pytest.raises(CycleError, match="a car's is from 0 to 252 km/h; is it km/h"):
        read_cycle(written(tmp_path, "time / s,speed / m/s\n" + "".join(rows)))


def test_town_traffic_in_another_unit_is_told_by_its_liveliness(tmp_path: Path) -> None:
    """UN R83's urban cycle: 50 km/h at most, so that even as m/s no second of it is out of a car's reach."""
    corners = (0, 0), (11, 0), (15, 15), (23, 15), (28, 0), (49, 0), (61, 32), (85, 32), (96, 0), (117, 0), (143, 50)
    corners = *corners, (155, 50), (163, 35), (176, 35), (188, 0), (195, 0)
    times, speeds = zip(*corners, strict=True)
    for unit in ("km/h", "m/s"):
        rows = (f"{second},{np.interp(second % 195, times, speeds):.2f}\n" for second in range(4 * 195))
        path = written(tmp_path, f"time / s,speed / {unit}\n" + "".join(rows))
        if unit == "km/h":
            assert isinstance(read_cycle(path), Trace)
        else:
            with pytest.raises(CycleError, match=r"as lively .* as a trip on roads may be; .* Check the unit"):
                read_cycle(path)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(CycleError, match=r"cannot be read \(No such file"):
        read_cycle(tmp_path / "nothing.csv")
    (tmp_path / "latin.csv").write_bytes("time_s,speed_kmh\n0,é\n".encode("latin-1"))
    with pytest.raises(CycleError, match="byte 19 is not UTF-8"):
        read_cycle(tmp_path / "latin.csv")


def test_a_gap_is_named(tmp_path: Path) -> None:
    rows = "".join(f"{second},30\n" for second in (*range(20), *range(50, 70)))
    with pytest.raises(CycleError, match="line 22: nothing between 19 s and 50 s where a point comes every 1 s"):
        read_cycle(written(tmp_path, f"time_s,speed_kmh\n{rows}"))


# --- a WLTC that is none ----------------------------------------------------------------------------------------------


def changed(folder: Path, name: str, change: "dict[int, float]", factor: float = 1.0) -> Path:
    lines = path_of("wltc_3b").read_text(encoding="utf-8").splitlines()
    for number in range(1, len(lines)):
        second, speed = lines[number].split(",")
        lines[number] = f"{second},{change.get(int(second), float(speed) * factor)}"
    return written(folder, "\n".join(lines) + "\n", name)


def test_a_damaged_phase_is_named(tmp_path: Path) -> None:
    slower = {second: float(speed) for second, speed in _high_phase_a_little_slower()}
    with pytest.raises(CycleError, match=r"a damaged WLTC: its phase 'high' \(1022 to 1477 s\) has a distance of"):
        read_cycle(changed(tmp_path, "any.csv", slower))


def _high_phase_a_little_slower() -> "list[tuple[int, float]]":
    trace = cycle("wltc_3b")
    return [(second, 0.97 * float(trace.speed[second])) for second in range(1023, 1477)]


def test_another_cycle_that_is_called_a_wltc_is_named(tmp_path: Path) -> None:
    text = path_of("udds").read_text(encoding="utf-8")
    with pytest.raises(CycleError, match="is called a WLTC and takes 1369 s; the class 3b cycle takes 1800 s"):
        read_cycle(written(tmp_path, text, "WLTP.csv"))


def test_right_distance_and_top_speed_are_not_enough(tmp_path: Path) -> None:
    """A spreadsheet is in circulation with the right sums and wrong speeds: swap two phases' worth of it."""
    trace = cycle("wltc_3b")
    backwards = {second: float(trace.speed[1800 - second]) for second in range(1801)}
    with pytest.raises(CycleError, match="a damaged WLTC: its phase 'low'"):
        read_cycle(changed(tmp_path, "any.csv", backwards))
