"""Starts the demo as a Space: the options are in space.yaml, a key (if one is needed) is the secret OPENAI_API_KEY."""

import os
import runpy
import sys

if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # noqa: F401 (before torch, which it teaches to wait for a GPU)

sys.argv[1:] = ["--config", "space.yaml", "--host", "0.0.0.0"]
runpy.run_module("model_cards.space.app", run_name="__main__")
