"""A page that shows the run in progress, beside the test and not in it: it reads what the run writes anyway."""
