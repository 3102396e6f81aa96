"""Making the base: the tokenizer and the sentence encoder that every company's training starts from."""
