"""The composing network, in reading order: encoder, attention, decoder, model, decode, generator."""
