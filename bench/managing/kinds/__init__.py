"""The kinds of links to a manager, one a module: `KIND` in it is found by its place."""
