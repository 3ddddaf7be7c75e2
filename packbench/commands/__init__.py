"""Commands of the command line that have a file of their own; `packbench.cli` hangs them in."""
