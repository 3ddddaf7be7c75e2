"""How long a violation is forgiven: leaky integration of the time that it has lasted.

A debounce that starts afresh at each good row never sees what comes and goes: a contactor that chatters, a lead that is
loose. Here the time of violation adds up, and leaks away `LEAK` times as fast as it came while all is well. Leaky
integration, and not n of m rows, because scans are 0.1 to 10 s apart and a debounce is a time. What follows:

- a violation that stands is forgiven for exactly the debounce, counted from its first row;
- one that comes and goes trips once it is there for more than `LEAK` / (1 + `LEAK`) of the time, 1/11;
- one bad row alone is worth at most one debounce and trips nothing: nor do two, nor any number of them that are more
  than 1 / `LEAK` rows apart. What is rarer still is an event to be counted (`bench.safety.events`).

A row stands for the time until the next one, but never for more than one debounce: what is between two scans is not
known, and one row of a slow scan must not count for more than one of a fast scan.
"""

LEAK = 0.1
"""s of violation that are forgotten in each s without one."""
LEAST = 1.0
"""s without a violation that count at most, where nothing is forgiven: what stands for a moment leaks away as well."""
FORGOTTEN = 1e-9
"""s below which nothing is left: rounding of a sum of periods."""


class Debounce:
    """The time of violation of one limit, from its first bad row on. Times in s of test time, in rising order.

    `since` is the first bad row of all that has not leaked away; `bad` tells whether the newest row was bad.
    """

    __slots__ = ("_began", "_carried", "_last", "_time", "bad", "since")

    def __init__(self, debounce: float, time: float) -> None:
        self.since, self.bad = time, True
        self._time = debounce
        self._carried = 0.0
        self._began = self._last = time

    @property
    def lasting(self) -> bool:
        """Whether the newest row was bad, or something is left of what was bad before."""
        return self.bad or self._carried > FORGOTTEN

    def violated(self, time: float) -> bool:
        """Take a bad row; whether it is forgiven no longer."""
        if not self.bad:
            self._leak(time)
            self.bad, self._began = True, time
        self._last = time
        # Counted from the first row of the stretch, not summed up: rounding must not cost one more scan.
        return self._carried + (time - self._began) >= self._time

    def passed(self, time: float) -> bool:
        """Take a good row; whether nothing is left of what was bad before."""
        if self.bad:
            self._carried += self._last - self._began + min(time - self._last, self._time)
            self.bad, self._last = False, time
        else:
            self._leak(time)
        return self._carried <= FORGOTTEN

    def _leak(self, time: float) -> None:
        self._carried = max(0.0, self._carried - LEAK * min(time - self._last, max(self._time, LEAST)))
        self._last = time
