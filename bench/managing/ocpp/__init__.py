"""The bench as a charging station with a car on it: OCPP 2.1 over a WebSocket, the manager is its central system."""
