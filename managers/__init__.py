"""Energy managers: processes that decide when a car charges and when it gives energy back (docs/manager-contract.md).

They know physics and what the contract tells them, and nothing of a bench: under test they are strangers to it.
"""
