"""One message through the house, and the wiring."""
