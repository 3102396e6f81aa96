"""Text before it has a meaning: cleaning, matching form, language, pieces, features."""
