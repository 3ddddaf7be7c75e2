"""What a displayed state of charge is worth: without a connected string a foxBMS shows 0 %, whatever the pack has.

Of several strings it shows the charge of those that are connected as a share of all: n of N strings at 80 % are
80 % x n / N (CANTX_CalculateMinimumPackSoc and CANTX_CalculateMaximumPackSoc in its
can_cbs_tx_f_pack-state-estimation.c, release 1.11). The display comes each second, the state at once: what was sent
before a string was connected is of then.
"""

from collections.abc import Sequence
from math import nan

from instruments.drivers.foxbms.layout import STATE, Field, place


class ShownCharge:
    """Whether the display tells anything now; `strings` is how many there are, None where nobody has said.

    `places` is where its signals go in a sample, and how they are decoded.
    """

    def __init__(self, strings: int | None, places: Sequence[tuple[int, Field]]) -> None:
        self._strings, self._places = strings, places
        self._connected: int | None = None
        self._since = -1.0
        self.as_sent = True
        """Whether the display stands for the pack as it was sent."""

    def hear_state(self, frame: int, time: float) -> None:
        """Take f_BmsState, received at `time` (s)."""
        connected = place(STATE, "NumberOfConnectedStrings").sent(frame)
        if connected == self._connected:
            return
        if connected and not self._connected:
            self._since = time if self._connected is not None else self._since
        self._connected, self.as_sent = connected, False

    def show(self, sample: list[float], data: bytes | None, received: float) -> None:
        """Put into the sample what is known of the charge, by the newest display and when it was received (s)."""
        if data is None:
            return
        known = self._connected != 0 and received >= self._since
        frame, share = int.from_bytes(data, "big"), self._share()
        for position, field in self._places:
            sample[position] = field.decode(frame) * share if known else nan
        self.as_sent = known and share == 1.0

    def _share(self) -> float:
        """What a display of all strings is to one of those that are connected."""
        if not self._connected or self._strings is None:
            return 1.0
        return max(1.0, self._strings / self._connected)
