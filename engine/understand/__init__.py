"""engine/understand"""
