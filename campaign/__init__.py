"""The fault campaign: every fault of `faults.yaml` in every phase of a run, and what the bench made of it."""
