"""Writes the format of the dataset into docs/reference/dataset.md, as schema/columns.py has it today.

python -m tests.golden.write_columns
"""

from __future__ import annotations

from pathlib import Path

from dataset_builder.schema.columns import DATASET_CONFIGS, column_rows
from eval_harness.reporting.markers import put_between_markers

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dataset.md"


def format_text() -> str:
    """The configs with their columns, then each column with its type and meaning, once."""
    lines = ["| config | a row | columns |", "| --- | --- | --- |"]
    for name, config in DATASET_CONFIGS.items():
        lines.append(f"| `{name}` | {config.about} | {', '.join(f'`{column}`' for column in config.columns)} |")
    lines += ["", "| column | type | what |", "| --- | --- | --- |"]
    seen: dict[str, dict[str, str]] = {}
    for config in DATASET_CONFIGS:
        for row in column_rows(config):
            if seen.setdefault(row["name"], row) != row:  # the same name, of something else
                seen[f"{row['name']}` of `{config}"] = row
    lines += [f"| `{name}` | {row['type']} | {row['meaning']} |" for name, row in seen.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    put_between_markers(PAGE, "columns", format_text())
