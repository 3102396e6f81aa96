"""What a message means: its slots, whether it follows up, and which entry it asks for."""
