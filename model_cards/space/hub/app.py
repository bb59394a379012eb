"""Starts the demo as a Space: the options are in space.yaml, a key (if one is needed) is the secret OPENAI_API_KEY."""

import runpy
import sys

sys.argv[1:] = ["--config", "space.yaml", "--host", "0.0.0.0"]
runpy.run_module("model_cards.space.app", run_name="__main__")
