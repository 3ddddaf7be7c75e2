"""Tables of truth: what the bench and its twin say beside what is so. `python -m truth [--data DIR] [table ...]`."""
