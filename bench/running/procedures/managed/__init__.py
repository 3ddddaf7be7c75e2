"""A car in the hands of a manager: what it drives and needs, the line to who is asked, a stretch of what is done."""
