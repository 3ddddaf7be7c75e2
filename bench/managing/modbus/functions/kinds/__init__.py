"""The box's functions on the grid, one SunSpec model or family of models each: a module here registers itself."""
