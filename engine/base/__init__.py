"""The base: a tokenizer and a sentence encoder that know the language before they meet the company."""
