"""File descriptors owned since a run began, for its end: a test that leaks files must not take its verdict along."""

import os


class Descriptors:
    """Holds `count` descriptors of the process; raises `OSError` where there are not as many."""

    def __init__(self, count: int) -> None:
        self._held: list[int] = []
        try:
            for _ in range(count):
                self._held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            self.give_back()
            raise

    @property
    def count(self) -> int:
        """How many are held."""
        return len(self._held)

    def give_back(self) -> None:
        """Let somebody else have them; may be called again."""
        while self._held:
            os.close(self._held.pop())
