"""Stand-ins for the services that channels talk to: they speak the bytes of the real ones, bad days included."""
