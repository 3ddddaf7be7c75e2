"""Mutation testing: how many small mistakes the tests notice in what keeps a bench safe, runs it and judges it.

`python -m mutation` (`tox run -e mutation`) draws a seeded sample of mutants, tries the tests that reach each one in a
private copy of the tree, and prints what was killed and what survived. The operators are mutmut's; decision record 0036
says why the rest of it is not. Nothing here is shipped, and nothing in the work tree is ever changed but `.mutation/`.
"""
