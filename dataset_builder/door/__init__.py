"""What a user types: the commands of `subq`, the extras of `pip install`, Ctrl-C; imports nothing of ours."""
