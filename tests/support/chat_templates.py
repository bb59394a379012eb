"""Chat templates of the shapes that models of the Hub have, over words that a test tokenizer knows."""

from __future__ import annotations

PLAIN = (
    "{% for message in messages %}[{{ message.role }}] {{ message.content }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
THINKING = (
    "{% for message in messages %}[{{ message.role }}] {{ message.content }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant] "
    "{% if enable_thinking is defined and enable_thinking is false %}<think> </think> {% endif %}{% endif %}"
)
"""Qwen3's: asked not to think, it opens the reply with an empty thinking block."""
DATED = "Today is {{ strftime_now('%d %B %Y') }}. " + PLAIN
TRIMMED = PLAIN.replace("message.content", "message.content | trim")
TURNS = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}] {{ message.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
"""Gemma 3's: turns have an end token of their own."""
PARTS = (
    "{% for message in messages %}[{{ message.role }}] "
    "{% for part in message.content %}{{ part.text }}{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
"""Reads a turn's content as a list of parts, as some multimodal models do: a plain text is lost without a word."""
ONLY_USERS = (
    "{% for message in messages %}{% if message.role == 'user' %}[user] {{ message.content }} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
"""Drops what the assistant said."""
