"""The same instruments simulated at wire level, in front of one physical world.

`open_world` builds a world from a station file's `virtual:` section and plugs its simulators in; programs then
reach them through pyvisa (`@packbench`), pyserial (`packbench://name`) and python-can
(`interface="packbench"`), in this process and in virtual time. Each world has addresses of its own, so that one station
can be open several times: `World.visa_library` and `World.reached` say how one world and no other is reached.
`serve_world` makes them reachable from other processes, on real sockets and in real time. Who wants to write a
simulator reads `instruments.virtual.simulators`.
"""

import serial

from instruments.virtual.opening import open_world
from instruments.virtual.served.serving import serve_world
from instruments.virtual.world import World

__all__ = ["World", "open_world", "serve_world"]

_HANDLERS = "instruments.virtual.wires"

if _HANDLERS not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append(_HANDLERS)
