"""The same simulators on real sockets, pseudo-terminals and socketcand, for other processes."""
