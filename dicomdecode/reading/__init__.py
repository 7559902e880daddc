"""Bytes -> data set -> header: no pixel, no NumPy."""
