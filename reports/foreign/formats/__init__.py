"""One file per format: each has a `FORMAT`, see `reports.foreign.tables.Format`. Sources are named in each."""
