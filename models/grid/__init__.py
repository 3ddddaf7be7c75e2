"""What is on the other side of a car's plug: a house, the sun on its roof, what energy costs, and the grid itself."""
