"""Conversations, their memory and what is still to be delivered, kept in SQLite or PostgreSQL."""
