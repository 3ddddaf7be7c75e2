"""The bench as a car on a wall box that serves its registers: Modbus TCP, a box's own profile and SunSpec models."""
