"""What a drive loses without magnets: excitation that follows the road, against fixed ones and against magnets."""

import pytest

from packbench import Drive, PackFile, Require, RunScenario, Soak, Verify, drive_losses, kpi, to_departure

pytestmark = pytest.mark.skip_unsuited
OTHERS = ("country", "motorway-110", "motorway-130", "mountain-pass", "short-hop")


@pytest.mark.requirement("PB-LOS-01")
def test_wound_rotor_drive_loss(run_scenario: RunScenario, require: Require, verify: Verify, pack: PackFile) -> None:
    """Loss of a wound-rotor drive in town and on five roads, by the car's model: optimised against fixed excitation."""
    drive = Drive("urban", season="spring")
    run = run_scenario(*to_departure(drive, pack), Soak(drive.journey.outside), drive)
    require(kpi.consumption(run, "drive"), at=None)
    free, *others = drive_losses(drive.journey.driven)
    least = min(each.per_way for each in others if each.machine.excitation[1] > 0)
    verify("drive loss, excitation optimised", free.per_way, unit="kWh/100km", at_most=least, step="drive")
    for each in others:
        verify(f"drive loss, {each.machine.name}", each.per_way, unit="kWh/100km", step="drive")
    for road in OTHERS:
        _gain(verify, road)


def _gain(verify: Verify, road: str) -> None:
    """Against the fixed excitation, and the size of magnets, that lose least on that very road."""
    free, *others = drive_losses(Drive(road, season="spring").journey.driven)
    for name, wound in (("fixed excitation", True), ("magnets", False)):
        alike = [each for each in others if (each.machine.excitation[1] > 0) == wound]
        best = min(alike, key=lambda each: each.per_way)
        gain = 100 * (1 - free.per_way / best.per_way)
        verify(
            f"drive loss saved, {road}, against {name} at their best", gain, unit="%", at_least=0.0 if wound else None
        )
