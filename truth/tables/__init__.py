"""One file per table: `main(data)` prints it, and says whether it is as good as it should be."""
