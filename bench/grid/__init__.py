"""The grid side of a car on a bench: its charger, what a grid or a house asks of it, and who decides that."""
