"""Sessions beside each other: what each of them told, kept in one file a night, and what has changed since."""
