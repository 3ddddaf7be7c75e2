"""Grid functions of the served box (SunSpec 705 to 712): which there are, what they are set to, and what they do."""
