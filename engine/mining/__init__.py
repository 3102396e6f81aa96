"""Logs before they are a FAQ: questions and answers of conversations, gathered into topics."""
