"""Looking at texts before training: what may be a mistake in them, and what is personal."""
