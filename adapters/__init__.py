"""Channels: each translates between its own world and the words of the house, and knows no other."""
