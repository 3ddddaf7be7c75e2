"""What sources and sinks share: they drive a current through the pack, alone or several of them side by side."""

from collections.abc import Callable, Mapping, Sequence

from bench.roles.record import SafeStep
from instruments.roles import Ratings, Sink, Source

CURRENT_GONE = SafeStep(
    "current gone",
    rank=10,
    acts=False,
    after=dict.fromkeys(
        ("sink off", "source off", "charger off"), "a current that is still switched on is waited for in vain"
    ),
    fact="pack current",
)
"""Before a contactor opens: an open one carries none anyway."""


def _all(actions: Sequence[Callable[[], object]]) -> None:
    """Do everything, whatever fails; raise the first failure at the end."""
    first: Exception | None = None
    for action in actions:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the others must be told whatever this one did
            first = first or error
    if first is not None:
        raise first


def _ratings(each: Sequence[Ratings]) -> Ratings:
    """Side by side: the lowest voltage, all the current, all the power."""
    return Ratings(min(r.voltage for r in each), sum(r.current for r in each), sum(r.power for r in each))


def shares(ratings: Mapping[str, Ratings]) -> dict[str, float]:
    """The part (0 to 1) of a common current that each of several instruments takes: as their ratings are."""
    total = sum(each.current for each in ratings.values())
    return {name: each.current / total for name, each in ratings.items()}


class ParallelSources:
    """Several sources as one `Source`: each takes its share of the current, by its rating, up to one voltage."""

    def __init__(self, players: Mapping[str, Source]) -> None:
        self._players = tuple(players.values())
        self.shares = shares({name: player.source_ratings for name, player in players.items()})
        """The part (0 to 1) of the current that each takes, by name."""

    @property
    def source_ratings(self) -> Ratings:
        """See `Source`."""
        return _ratings([player.source_ratings for player in self._players])

    def charge(self, current: float, voltage: float, power: float | None = None) -> None:
        """See `Source`."""
        for player, part in zip(self._players, self.shares.values(), strict=True):
            player.charge(part * current, voltage, None if power is None else part * power)

    def source_off(self) -> None:
        """Each is told, whatever the others do; raises the first failure."""
        _all([player.source_off for player in self._players])

    def source_is_off(self) -> bool:
        """Whether all are; each is asked, and told again by its driver where it still reads on."""
        return not [player for player in self._players if not player.source_is_off()]


class ParallelSinks:
    """Several sinks as one `Sink`: each takes its share of the current, by its rating, down to one voltage."""

    def __init__(self, players: Mapping[str, Sink]) -> None:
        self._players = tuple(players.values())
        self.shares = shares({name: player.sink_ratings for name, player in players.items()})
        """The part (0 to 1) of the current that each takes, by name."""

    @property
    def sink_ratings(self) -> Ratings:
        """See `Sink`."""
        return _ratings([player.sink_ratings for player in self._players])

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        """See `Sink`."""
        for player, part in zip(self._players, self.shares.values(), strict=True):
            player.discharge(part * current, voltage, None if power is None else part * power)

    def sink_off(self) -> None:
        """Each is told, whatever the others do; raises the first failure."""
        _all([player.sink_off for player in self._players])

    def sink_is_off(self) -> bool:
        """See `ParallelSources.source_is_off`."""
        return not [player for player in self._players if not player.sink_is_off()]


def no_more_than(wanted: float, share: float, rated: float) -> float:
    """What a protection is programmed to: what an instrument is rated for needs no more than its own rating."""
    return min(share * wanted, rated)
