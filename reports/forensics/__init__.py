"""What stood at the last minute of a test that did not pass: every channel, the wire, the bus, the error queues."""
