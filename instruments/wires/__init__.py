"""What a driver speaks through: links by scheme, the session over one, the bus of several, how long they may speak."""
