"""Carrying a run out, whatever its method: arguments, callbacks, checkpoints, the output folder."""
