"""Scores decomposer + solver pairs with intervals and paired tests that say whether two rows differ."""
