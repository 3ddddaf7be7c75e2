"""A battery management system that runs foxBMS 2, on CAN."""

from instruments.drivers.foxbms.node import FoxBms

__all__ = ["FoxBms"]
