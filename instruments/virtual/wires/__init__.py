"""Which address leads to which simulator in this process, for pyvisa, pyserial and python-can."""
