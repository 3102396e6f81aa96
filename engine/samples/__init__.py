"""engine/samples"""
