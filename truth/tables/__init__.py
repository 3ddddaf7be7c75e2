"""One table of truth per file; each is found by its place here and has `TITLE`, `HEADER` and `rows(data)`."""
