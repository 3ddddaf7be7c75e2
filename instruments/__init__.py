"""The wires and who is at their end: roles, links, and one driver file per instrument family."""
