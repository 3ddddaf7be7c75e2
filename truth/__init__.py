"""Tables of truth: what the twin says beside what others have measured. `python -m truth --data DIR`."""
