"""Mutation testing: how many small mistakes the tests notice in what keeps a bench safe, runs it and judges it.

`python -m mutation` (`tox run -e mutation`) draws a seeded sample of mutants, tries the tests that reach each one in a
private copy of the tree, and prints what was killed and what survived. The operators are mutmut's; the rest of it is
not used, because it mutates no module-level constant and nothing that is decorated (limits and KPIs are just that),
knows no sample, and puts trampolines into every function. Nothing here is shipped, and nothing of the work tree is
ever changed but `.mutation/`, where the results are.
"""
