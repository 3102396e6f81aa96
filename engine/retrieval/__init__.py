"""Finding entries by their words: BM25 and n-grams over stored questions, a kernel model, and fuzzy comparison."""
