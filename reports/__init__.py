"""Judges and shows a recorded run: KPIs, verdicts, figures, Allure."""
