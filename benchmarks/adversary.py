"""The adversary on the plant model, without instruments: how long a week takes, and how many are tried in a minute.

With the reference manager, drawn as a search draws them, in processes and pieces as a search has them. Wanted: a week
under 6 s, and 500 weeks within half an hour on two cores. And what it pays for keeping its word: how much dearer the
same weeks are with its hours of grace before each departure than with none.
"""

from statistics import median
from time import perf_counter

from managers.reference import Reference
from models.grid.week import Days
from packbench.adversary.home import Plant
from packbench.adversary.living import live
from packbench.adversary.managers import Here
from packbench.adversary.replaying import replay
from packbench.adversary.search import NAMED, search
from packbench.adversary.space import PRICES, SEASONS, TROUBLES, Away, Trouble, Week
from packbench.players import processes

MANAGER, JOBS, WEEKS, SEED = "reference", 2, 40, 2026
MOST, ALL, WITHIN = 6.0, 500, 1800.0
"""S for a week, and s for so many weeks."""


def full(number: int) -> Week:
    """A whole week of much to do: a trip a day, and three troubles; another season and tariff for each number."""
    troubles = tuple(
        Trouble(TROUBLES[(number + each) % len(TROUBLES)], 96 * (2 * each + 1), 4, 0.2) for each in range(3)
    )
    return Week(
        days=7, season=SEASONS[number % len(SEASONS)], price=PRICES[number % len(PRICES)], soc=0.6,
        trips=tuple(Away(home=60, away=30, distance=80) for _ in range(7)), troubles=troubles,
    )  # fmt: skip


def alone() -> list[float]:
    """S of each full week, once everything is imported."""
    replay(Week(), MANAGER)
    found = []
    for number in range(len(SEASONS)):
        began = perf_counter()
        replay(full(number), MANAGER)
        found.append(perf_counter() - began)
    return found


def searched(weeks: int = WEEKS) -> float:
    """Weeks in a minute of a search."""
    found = search(MANAGER, budget=weeks, player=processes(NAMED, JOBS), start=SEED, tell=lambda _: None)
    if found.found is not None:
        print(f"{MANAGER} broke its word: {found.found.breach.text}")
    return 60 * found.tried / found.seconds


def cost(grace: float) -> float:
    """What the car costs in the full weeks with the reference and so many h of grace, in the currency of the prices.

    What the house pays more, or is paid less, than without a car; what is more in the car at the end than there was is
    worth what it costs in the mean, for who keeps more in it has bought it early and not for nothing.
    """
    return sum(_of_the_car(full(number).plant(), grace) for number in range(len(SEASONS)))


def _of_the_car(plant: Plant, grace: float) -> float:
    days, home, record = plant.days, plant.home, live(plant, Here(lambda: Reference().careful(grace=grace)))
    paid = sum(
        _paid(days, each.begin, each.power, each.end - each.begin) - _paid(days, each.begin, 0.0, each.end - each.begin)
        for each in record.stretches
    )
    more = (record.stretches[-1].soc - days.soc) * home.energy / home.charger.efficiency(home.charger.charge)
    return paid - more * float(days.buy.mean()) / 1000


def _paid(days: Days, time: float, power: float, duration: float) -> float:
    """For the house, its sun and so many W of the car, s of one quarter of an hour from `time` on."""
    quarter = days.quarter(time)
    energy = float(days.house[quarter] - days.sun[quarter] + power) * duration / 3.6e6
    return energy * float((days.buy if energy > 0 else days.sell)[quarter])


def main() -> None:
    """Print the figures beside what they may be."""
    weeks = alone()
    print(f"a full week with {MANAGER}: median {median(weeks):.2f} s, slowest {max(weeks):.2f} s (at most {MOST:g} s)")
    rate = searched()
    print(
        f"searched in {JOBS} processes: {rate:.1f} weeks a minute, {ALL} in {60 * ALL / rate:.0f} s "
        f"(at most {WITHIN:.0f} s)"
    )
    usual = Reference.habits.grace
    with_it, without = cost(usual), cost(0.0)
    print(
        f"{usual:g} h of grace: in the {len(SEASONS)} full weeks the car costs {with_it:.2f}, without any "
        f"{without:.2f}: {with_it / without:.3f} times as much"
    )


if __name__ == "__main__":
    main()
