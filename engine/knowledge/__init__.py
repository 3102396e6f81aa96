"""engine/knowledge"""
