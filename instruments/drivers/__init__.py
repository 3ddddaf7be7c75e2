"""One file, or one folder, per instrument family: its name is that of the driver in a station file (see `registry`)."""
