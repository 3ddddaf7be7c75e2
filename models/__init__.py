"""Physics without I/O: cell, string, thermal mass, chamber air."""
