"""engine/seq2seq"""
