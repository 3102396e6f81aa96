"""What the company knows: entries, the files they come from, and answers as templates."""
