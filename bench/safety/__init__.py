"""What keeps people and packs safe: guard, fault catalogue, safe state, supervisor, lease, requests to end."""
