"""The front page in parts: what it shows, its head, pieces that sections share, and one file per section."""
