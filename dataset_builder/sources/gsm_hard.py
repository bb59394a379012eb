"""GSM-Hard: GSM8K with large numbers; its golds are floats with rounding noise."""

from __future__ import annotations

from dataset_builder.sources.source import Row, Source, number_problem, test_file


def _parse_row(row: Row) -> Row:
    return number_problem(row["input"], row["target"])


SOURCE = Source(
    name="gsm_hard",
    licence="mit",
    home="https://github.com/ShengranHu/ADAS",
    citation="Gao et al. 2023, arXiv 2211.10435",
    repository="ShengranHu/ADAS",
    revision="2702bee",
    files=test_file(
        "gsm_hard/gsmhardv2.jsonl",
        "dataset/gsmhardv2.jsonl",
        "2032b0188a49ac0ec38cbe1e695e7d62d6dddc44bbb64f920728aca710e9ddef",
    ),
    hub_id="reasoning-machines/gsm-hard",
    parse_row=_parse_row,
    has_duplicates=True,
)
