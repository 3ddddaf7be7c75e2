"""Makes a cell of `models.cell` from records of a real one, and measures how far any cell is from any record."""
