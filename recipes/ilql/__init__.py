"""Implicit language Q-learning: losses, value heads, the value model and its trainer, guided decoding."""
