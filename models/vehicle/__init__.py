"""The car around the pack: its road, its season, its motor, its cabin, and what reaches the pack of all that.

Everything here is physics without a bench: a `Road` and a `Driver` make a `Trace` (speed over time), a `Car` in some
weather makes the pack's power of it, `Heat` its temperatures. Power is positive where the pack gives it; whoever asks a
bench for it turns the sign.
"""
