"""engine/retrieval"""
