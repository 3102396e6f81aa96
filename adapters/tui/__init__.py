"""adapters/tui"""
