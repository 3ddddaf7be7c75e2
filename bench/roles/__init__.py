"""Roles as records: what a bench can ask of its instruments, one module each.

A role of somebody else's package is an entry point of the group `packbench.roles`, its name the role's, its value a
`Role`. Nothing of ours has to know it: opening, scan, columns, protections, safe state, rescue, power cut and the
validation of station files iterate over the records of the roles that a station's instruments play.
"""

from bench.roles.record import Allowed, Column, Combine, Fact, Power, Range, Role, SafeStep
from bench.roles.registry import (
    RoleError,
    columns_of_others,
    measured_by,
    names,
    opening_order,
    own_names,
    role,
    rules,
    safe_order,
    steps_of,
    who_measures,
)

__all__ = [
    "Allowed", "Column", "Combine", "Fact", "Power", "Range", "Role", "RoleError", "SafeStep", "columns_of_others",
    "measured_by", "names", "opening_order", "own_names", "role", "rules", "safe_order", "steps_of", "who_measures",
]  # fmt: skip
