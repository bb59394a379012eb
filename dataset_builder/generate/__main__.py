"""Asks a teacher for sub-questions, a solver for their answers and a critic for votes, for every problem.

Reads problems (a jsonl file with `question` and `answer`, or a source's name). Writes into `--output`:

    config.yaml      what was asked for, resolved; no secrets
    journal.sqlite   every reply and failure, the moment it came (see llm/journal)
    sets.jsonl       one `RawSet` per line (schema/records.py), in the problems' order; replaced as a whole at the end
    run.json         requests by task and outcome, failures, tokens, cost, rate; renewed every few seconds

The same command resumes where the last one stopped, whatever stopped it, and asks nothing twice that was answered.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import entry_point
from dataset_builder.door.commands import as_typed
from dataset_builder.generate.config import GenerateConfig, check_config, make_plan
from dataset_builder.generate.estimate import estimate_stages, format_estimate
from dataset_builder.generate.output import last_lines, write_sets
from dataset_builder.generate.run import generate
from dataset_builder.generate.run_folder import asked_with, check_folder
from dataset_builder.llm.journal import FILE_NAME, Journal, cost_of
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Split
from dataset_builder.sources import load_problems
from dataset_builder.sources.embedded import serve_embedded

PROG = "python -m dataset_builder.generate"
REPLIES_FILE = "embedded_replies.jsonl"
EPILOG = """examples:
  what would it cost, without sending anything:
    python -m dataset_builder.generate --problems gsm8k --model gpt-4o-mini --output outputs/gsm8k --dry_run
  ten problems on a server of your own (vLLM, Ollama, llama.cpp, transformers serve):
    python -m dataset_builder.generate --problems gsm8k --limit 10 --model qwen2.5:7b \\
        --base_url http://127.0.0.1:11434/v1 --output outputs/try
  everything, half price, never above 40 dollars:
    python -m dataset_builder.generate --problems gsm8k --model gpt-4o-mini --backend batch --max_cost_usd 40 \\
        --output outputs/gsm8k
  your own problems, a teacher of your own and your own words for what it is asked:
    python -m dataset_builder.generate --problems physics.jsonl --decompose_prompt my_decompose.txt \\
        --model my-teacher --base_url http://127.0.0.1:8000/v1 --output outputs/physics
  no key and no server, the embedded world:
    python -m dataset_builder.generate --problems micro_gsm --limit 20 --model micro-gsm-teacher \\
        --solver_model micro-gsm-solver --feedback_model micro-gsm-critic --base_url micro_gsm --output outputs/micro

The key is read from OPENAI_API_KEY, the endpoint from --base_url or OPENAI_BASE_URL. Ctrl-C reads what is in flight,
writes it and stops; the same command resumes from there. `python -m dataset_builder.llm.journal DIR` shows what the
journal holds.
"""


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        GenerateConfig, argv, prog=PROG, description=(__doc__ or "").partition("\n")[0], epilog=EPILOG
    )
    check_config(config)
    plan = make_plan(config)
    problems = load_problems(config.problems, cast(Split, config.split), config.limit)
    folder = Path(config.output)
    check_folder(folder, asked_with(plan, config.problems, config.split), other_settings=config.other_settings)
    if config.dry_run:
        settings = ServiceSettings.of(config, config.base_url)
        print(format_estimate(estimate_stages(plan, problems, folder, settings, batch=config.backend == "batch")))
    elif config.offline:
        with Journal(folder / FILE_NAME, read_only=True) as journal:
            counts = write_sets(plan, problems, journal, folder)
            cost = cost_of(journal.totals())
        print(*map(as_typed, last_lines(config, counts, cost)), sep="\n")
    else:
        with serve_embedded(config.base_url, log=folder / REPLIES_FILE) as base_urls:
            counts, cost = generate(config, plan, problems, base_urls)
        print(*map(as_typed, last_lines(config, counts, cost)), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
