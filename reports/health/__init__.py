"""How the bench itself is: links, scans, soaks, meters against each other, watchdogs; and how that goes over nights."""
