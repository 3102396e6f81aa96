"""Finding entries by their words: BM25, character n-grams, a linear model, and fuzzy comparison of the short list."""
