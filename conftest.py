"""Hangs the two plugins in: the bench runs a test, the reports judge and show it."""

pytest_plugins = ["bench.plugin", "reports.plugin"]
