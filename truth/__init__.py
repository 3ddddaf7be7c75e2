"""Holds what packbench says against what is true: one table a file in `tables/`, printed by `python -m truth`."""
