"""How evenly a node is asked on a wall clock: the figures of `truth.wheel`, which the tables of truth have as well."""

from truth.wheel import main

__all__ = ["main"]
