"""How far a figure may be from the truth, by the meters that it came from: see docs/uncertainty.md."""

from reports.uncertainty.budget import Budget, Contribution, budget, uncertainty

__all__ = ["Budget", "Contribution", "budget", "uncertainty"]
