"""A scenario on an open bench: open, pre-flight, scan, sample, control, settle."""
