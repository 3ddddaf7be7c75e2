"""What a run leaves on disk: manifest, journal of samples, events, and the commands that read them back."""
