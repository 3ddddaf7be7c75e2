"""Who is at the computer, for records that say who did something."""

import getpass


def user() -> str:
    """Name of the user that this process belongs to."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number that has no name
        return "an unnamed user"
