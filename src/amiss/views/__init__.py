"""What the default detector looks at rows with: spaces, distances, networks, and tails that make scores comparable.

Every module is NumPy only and works on dictionaries of arrays, so that a fitted view goes into a model's file as it is.
"""
