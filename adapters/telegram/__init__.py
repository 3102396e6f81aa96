"""Telegram: the bot as a contact, and a chat in which the company's people answer."""
