"""Quality and speed, measured beside other ways to do the same."""
