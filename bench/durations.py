"""Says how long something takes the way people do."""


def spell(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `9 h 12 min`: two units are as much as anyone reads."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
