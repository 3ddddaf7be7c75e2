"""One module per table, found by its place: `main(data)` prints it and returns whether it is good enough."""
