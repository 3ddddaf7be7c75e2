"""Hangs the plugin in from a checkout, as `pip install packbench` does by its entry point."""

pytest_plugins = ["packbench.plugin"]
