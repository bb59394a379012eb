"""Scores decomposer + solver pairs so that the difference between two rows is real, or is said not to be."""
