"""Metrics for `evaluate.load(<folder>)`: one folder each, thin over the functions that score everything else here."""
