"""The command line is tried on the stations of the bench's own tests."""

from tests.bench.conftest import _hearing, install, pack_text, plant, rig, station_text, write, write_station

__all__ = ["_hearing", "install", "pack_text", "plant", "rig", "station_text", "write", "write_station"]
