"""The same instruments simulated at wire level, in front of one physical world."""
