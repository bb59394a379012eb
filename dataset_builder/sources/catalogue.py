"""The named sources, one file each; a new one is a new file and a line here."""

from __future__ import annotations

from dataset_builder.sources import bamboogle, drop, gsm_hard, strategyqa, svamp
from dataset_builder.sources.embedded import MICRO_GSM, MICRO_GSM_WALKS
from dataset_builder.sources.gsm8k import GSM8K, GSM8K_SOCRATIC
from dataset_builder.sources.math_word_sets import ADD_SUB, MULTI_ARITH, SINGLE_EQ
from dataset_builder.sources.source import Source

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        GSM8K,
        GSM8K_SOCRATIC,
        svamp.SOURCE,
        MULTI_ARITH,
        ADD_SUB,
        SINGLE_EQ,
        gsm_hard.SOURCE,
        drop.SOURCE,
        bamboogle.SOURCE,
        strategyqa.SOURCE,
        MICRO_GSM,
        MICRO_GSM_WALKS,
    )
}
"""By the name that `--problems` and `--source` take."""
