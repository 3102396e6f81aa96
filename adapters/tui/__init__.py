"""The terminal channel: one conversation on one screen."""
