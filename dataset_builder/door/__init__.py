"""What a user types: the commands of `subq`, the extras of `pip install`; tables that import nothing of ours."""
