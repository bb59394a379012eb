"""Starts the demo as a Space: the options are in space.yaml, a key (if one is needed) is the secret OPENAI_API_KEY."""

import sys

from model_cards.space.app import main

sys.exit(main(["--config", "space.yaml", "--host", "0.0.0.0"]))
