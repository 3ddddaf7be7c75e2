"""Commands that have a file of their own; `packbench.cli` registers them."""
