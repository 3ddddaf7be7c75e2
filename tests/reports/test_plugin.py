"""What a real pytest session leaves in the Allure results, good, bad and cut short."""

import json
from pathlib import Path
from typing import Any

import pytest

Suite = Any  # the `SampleSuite` of conftest.py, which test modules cannot import


@pytest.fixture(scope="module")
def told(finished_suite: Suite) -> dict[str, dict[str, Any]]:
    return finished_suite.told()


def attached(result: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["type"] for entry in result.get("attachments", ())}


def message(result: dict[str, Any]) -> str:
    return result["statusDetails"]["message"]


@pytest.mark.parametrize(
    ("test", "status", "sentence"),
    [
        ("test_weak_cell", "failed", "cell under-voltage"),
        ("test_cold_chamber", "broken", "BenchFault: chamber"),
        ("test_close", "skipped", "INCONCLUSIVE: it is near its limit."),
        ("test_hangs", "broken", "BENCH FAULT: the test hung and was stopped"),
        ("test_stopped", "broken", "ABORTED: the operator stopped the session."),
        ("test_never_begun", "broken", "NOT RUN: The session ended before this test began."),
    ],
)
def test_every_ending_has_its_own_status(
    told: dict[str, dict[str, Any]], test: str, status: str, sentence: str
) -> None:
    assert told[test]["status"] == status
    assert sentence in message(told[test])


def test_a_good_run_passes_and_shows_everything(told: dict[str, dict[str, Any]]) -> None:
    result = told["test_capacity[25]"]
    assert result["status"] == "passed"
    assert result["name"] == "Capacity and energy at 1C, 25 °C"
    assert attached(result) == {
        "Voltage, current, temperature, SOC": "image/png",
        "Interactive figure": "text/html",
        "run.json": "application/json",
        "KPIs": "text/csv",
        "Events": "text/plain",
        "Recorded data": "application/vnd.apache.parquet",
    }
    assert "discharge capacity" in result["descriptionHtml"]
    assert "data:image/png;base64," in result["descriptionHtml"]


def test_every_step_of_the_scenario_is_a_step_with_what_was_asked_and_reached(
    told: dict[str, dict[str, Any]],
) -> None:
    steps = told["test_capacity[25]"]["steps"]
    assert [step["name"] for step in steps] == [
        "1. soak (Soak)", "2. charge (Charge)", "3. rest (Rest)", "4. discharge (Discharge)",
        "5. restoring charge (Charge)",
    ]  # fmt: skip
    shown = {entry["name"]: entry["value"] for entry in steps[3]["parameters"]}
    assert shown["set current"] == "-2.3"
    assert shown["ended by"] == "the condition of the step"
    assert float(shown["Voltage / V"]) < 60.0
    assert shown["bench time"].endswith("s")
    assert steps[3]["stop"] - steps[3]["start"] > 3_000_000  # bench time, not the second that the test took


def test_a_measurement_is_a_step_within_its_step(told: dict[str, dict[str, Any]]) -> None:
    (check,) = told["test_capacity[25]"]["steps"][3]["steps"]
    assert check["name"] == "discharge capacity: 2.262 Ah (allowed: at least 2.2 Ah) [PB-DIS-01]"
    assert check["status"] == "passed"


def test_a_trip_is_a_failed_step_within_its_step(told: dict[str, dict[str, Any]]) -> None:
    last = told["test_weak_cell"]["steps"][-1]
    assert last["status"] == "failed"
    assert any(step["name"].startswith("Guard: cell under-voltage") for step in last["steps"])


def test_a_cause_is_a_label_and_a_tag_by_its_id_in_the_fault_catalogue(told: dict[str, dict[str, Any]]) -> None:
    result = told["test_weak_cell"]
    labels = {(entry["name"], entry["value"]) for entry in result["labels"]}
    assert {("fault", "cell-under-voltage"), ("tag", "cell-under-voltage")} <= labels
    shown = {entry["name"]: entry["value"] for entry in result["parameters"]}
    assert shown["fault"] == "cell-under-voltage, pack to blame"
    assert not any(entry["name"] == "fault" for entry in told["test_capacity[25]"]["labels"])


def test_the_bench_verdict_stands_beside_that_of_the_test(told: dict[str, dict[str, Any]]) -> None:
    for name in ("test_capacity[25]", "test_weak_cell"):
        shown = {entry["name"]: entry["value"] for entry in told[name]["parameters"]}
        assert shown["bench verdict"] == "outputs verified off"


def test_a_test_whose_setup_failed_keeps_title_feature_and_requirement(
    told: dict[str, dict[str, Any]],
) -> None:
    result = told["test_cold_chamber"]
    assert result["name"] == "Capacity at 1C in a chamber that never gets there"
    labels = {(entry["name"], entry["value"]) for entry in result["labels"]}
    assert {("feature", "Discharge"), ("tag", "PB-DIS-03")} <= labels


def test_an_interrupted_test_shows_its_run_once_and_keeps_its_history(
    told: dict[str, dict[str, Any]], finished_suite: Suite
) -> None:
    result = told["test_stopped"]
    assert "Voltage, current, temperature, SOC" in attached(result)
    assert result["historyId"]
    uuids = [json.loads(path.read_text())["uuid"] for path in finished_suite.results.glob("*-result.json")]
    assert len(uuids) == len(set(uuids)) == 8


def test_serial_numbers_do_not_begin_a_new_history(told: dict[str, dict[str, Any]]) -> None:
    counted = {entry["name"] for entry in told["test_capacity[25]"]["parameters"] if not entry.get("excluded")}
    assert counted == {"temperature"}


def test_the_session_is_described_for_both_generations_of_allure(finished_suite: Suite) -> None:
    results = finished_suite.results
    rules = json.loads((results / "categories.json").read_text())
    assert {rule["name"] for rule in rules} >= {"Pack failed", "Bench failed", "Inconclusive"}
    environment = (results / "environment.properties").read_text()
    assert "Station=virtual-module\nPack=lfp-24s\nPack.Serial=VIRTUAL-0001" in environment
    assert "Revision=abc1234" in environment
    assert json.loads((results / "executor.json").read_text())["name"] == "packbench on virtual-module"


def test_kpis_are_written_into_the_manifest_of_the_run(finished_suite: Suite) -> None:
    (path,) = finished_suite.root.glob("runs/*/*test_capacity_25/run.json")
    names = {kpi["name"] for kpi in json.loads(path.read_text())["kpis"]}
    assert {"discharge capacity", "energy round-trip efficiency"} <= names


class TestWithWorkers:
    @pytest.fixture
    def crashed(self, sample_suite: Suite) -> dict[str, dict[str, Any]]:
        """Two workers, one of which dies within a test."""
        sample_suite.write_run("test_good", interval=60.0, verdict="PASS", cause=None)
        sample_suite.test_case(
            "test_crash",
            """
            import os

            @pytest.mark.requirement("PB-1")
            def test_dies(bench):
                os._exit(3)

            def test_good(judge):
                judge()
            """,
        )
        (sample_suite.results / "notes").mkdir(parents=True)
        (sample_suite.results / "stale-result.json").write_text("{}")
        sample_suite.run("test_cases", "-n", "2")
        return sample_suite.told()

    def test_the_lost_test_is_there_and_the_other_is_whole(
        self, crashed: dict[str, dict[str, Any]], sample_suite: Suite
    ) -> None:
        assert (sample_suite.results / "notes").is_dir()  # folders are not Allure's: they are not cleaned
        assert set(crashed) == {"test_dies", "test_good"}  # and what an earlier session left is not
        assert crashed["test_dies"]["status"] == "broken"
        assert "BENCH FAULT: The process that ran this test ended" in message(crashed["test_dies"])
        assert ("tag", "PB-1") in {(entry["name"], entry["value"]) for entry in crashed["test_dies"]["labels"]}
        assert crashed["test_good"]["status"] == "passed"
        assert "KPIs" in attached(crashed["test_good"])


def test_a_process_that_died_is_completed_when_the_report_is_built(sample_suite: Suite) -> None:
    from reports import lost

    sample_suite.test_case("test_dead", "import os\ndef test_dies(bench):\n    os._exit(3)\n")
    sample_suite.run("test_cases")
    assert sample_suite.told() == {}
    assert lost.complete(sample_suite.results, sample_suite.root / "runs") == ["test_cases/test_dead.py::test_dies"]
    assert "NOT RUN" in message(sample_suite.told()["test_dies"])
    assert lost.complete(sample_suite.results, sample_suite.root / "runs") == []


def test_a_pass_is_never_better_than_its_run(sample_suite: Suite) -> None:
    sample_suite.write_run("test_blind", interval=60.0, verdict="FAIL", cause={"blame": "pack", "text": "too hot."})
    sample_suite.test_case("test_blind", "def test_blind(run):\n    pass\n")
    sample_suite.run("test_cases")
    result = sample_suite.told()["test_blind"]
    assert (result["status"], message(result)) == ("failed", "FAIL: too hot.")


def test_a_pass_whose_samples_cannot_be_read_is_none_that_anybody_believes(sample_suite: Suite) -> None:
    folder: Path = sample_suite.write_run("test_good", interval=60.0, verdict="PASS", cause=None)
    (folder / "samples.parquet").write_bytes(b"not a table")
    sample_suite.test_case("test_good", "def test_good(judge):\n    judge()\n")
    sample_suite.run("test_cases")
    result = sample_suite.told()["test_good"]
    assert (result["status"], message(result).partition(":")[0]) == ("skipped", "INCONCLUSIVE")
    assert {"Why there is no figure", "run.json"} <= set(attached(result))


def test_damage_of_a_run_is_shown_with_its_test(sample_suite: Suite) -> None:
    folder: Path = sample_suite.write_run("test_good", interval=60.0, verdict="PASS", cause=None)
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "events.jsonl").write_text("\n".join([lines[0], lines[1][:-5], *lines[2:], ""]), encoding="utf-8")
    sample_suite.test_case("test_good", "def test_good(judge):\n    judge()\n")
    sample_suite.run("test_cases")
    result = sample_suite.told()["test_good"]
    assert "Damaged: events.jsonl: line 2 is damaged and left out." in result["descriptionHtml"]
    assert {"name": "tag", "value": "damaged"} in result["labels"]


def test_other_tests_leave_no_allure_results(sample_suite: Suite) -> None:
    (sample_suite.root / "tests").mkdir()
    (sample_suite.root / "tests" / "test_unit.py").write_text("def test_unit():\n    pass\n")
    sample_suite.run("tests")
    assert not sample_suite.results.exists()


def test_a_folder_that_was_asked_for_is_used_and_not_cleaned(sample_suite: Suite) -> None:
    sample_suite.test_case("test_good", "def test_good():\n    pass\n")
    kept = sample_suite.root / "elsewhere"
    kept.mkdir()
    (kept / "mine-result.json").write_text("{}")
    sample_suite.run("test_cases", "--alluredir", "elsewhere")
    assert (kept / "mine-result.json").exists()
    assert len(list(kept.glob("*-result.json"))) == 2
    assert not sample_suite.results.exists()


def test_requirements_become_links_where_a_pattern_says_how(sample_suite: Suite) -> None:
    sample_suite.test_case("test_good", '@pytest.mark.requirement("PB-7")\ndef test_good(bench):\n    pass\n')
    sample_suite.run("test_cases", "--allure-link-pattern", "requirement:https://example.org/{}")
    (link,) = sample_suite.told()["test_good"]["links"]
    assert (link["name"], link["url"]) == ("PB-7", "https://example.org/PB-7")
