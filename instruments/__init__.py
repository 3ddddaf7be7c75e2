"""The wires: roles, sessions (VISA, serial, CAN) and one driver file per instrument family."""
