"""The registry of models: one folder for each, and which of them is in use."""
