"""Runs a test: station file, clock, scenario engine, guard, safe state, recorder."""
