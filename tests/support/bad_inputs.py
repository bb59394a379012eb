"""What users get wrong, for every entry point: one line each, most of which stand for several bad inputs.

A word in capitals is replaced by each of its kind, one row each:

    BADFILE      no such file, a folder, an empty file, bytes, a truncated line: what a text file may turn out to be
    BADFOLDER    no such folder, a file, an empty folder
    NOTFOLDER    where no folder can be made: a file in its place, a file above it
    NOTFILE      where no file can be written: a folder in its place, a file above it

Lower-case words in braces are good: what the table's fixture made. The message has to name what was bad, or after the
`|` what it has to say instead.
"""

from __future__ import annotations

ROWS: dict[str, str] = {
    "dataset_builder.build": """
        --generation BADFOLDER --output {new}
        --generation {run} --output NOTFOLDER
        --raw BADFILE --output {new}
        --raw {raw} --split train --gold BADFILE --output {new}
        --output {new}                                                          | --generation
        --generation {run} --output {notes}                                     | not replaced
    """,
    "dataset_builder.generate": """
        --problems BADFILE --model m --output {new}
        --problems micro_gsm --limit 1 --model m --output NOTFOLDER
        --problems micro_gsm --limit 1 --model m --output NOTFOLDER --dry_run
        --problems micro_gsm --limit 1 --model m --output NOTFOLDER --offline
        --problems micro_gsm --limit 1 --model m --output {bad_journal}         | journal.sqlite
        --problems micro_gsm --limit 1 --model m --output {bad_journal} --dry_run | journal.sqlite
        --problems micro_gsm --limit 1 --model m --output {new} --price_file BADFILE
        --problems micro_gsm --limit 1 --model m --output {new} --dry_run --price_file BADFILE
        --problems micro_gsm --limit 1 --model m --output {new} --decompose_prompt nope | nope
        --problems gsm8kk --limit 1 --model m --output {new}                    | gsm8k
        --problems micro_gsm --model m                                          | --output
        --problems micro_gsm --output {new}                                     | --model
        --model m --output {new}                                                | --problems
        --problems micro_gsm --limit 1 --model m --output {new} --base_url nonsense | nonsense
        --problems micro_gsm --limit 1 --model m --output {new} --rename_parameters abc | OLD=NEW
        --problems micro_gsm --limit 1 --model m --output {new} --price_input 1 | --price_output
        --problems micro_gsm --limit 1 --model m --output {new} --max_cost_usd 1 --base_url {far} | --price_input
    """,
    "dataset_builder.hub.leak_guard": """
        {missing}                                                               | missing
        {secret}                                                                | secret.txt
    """,
    "dataset_builder.llm.journal": """
        BADFOLDER
        {bad_journal}                                                           | journal.sqlite
        {run} --export NOTFILE
    """,
    "dataset_builder.micro_gsm.server": """
        --log NOTFILE
        --port {taken_port}                                                     | already in use
        --host no.such.host.invalid                                             | no.such.host.invalid
    """,
    "dataset_builder.prompts": "",
    "dataset_builder.push": """
        --folder BADFOLDER --repo org/name
        --folder {dataset} --repo name                                          | org/name
        --folder {dataset}                                                      | --repo
    """,
    "dataset_builder.stats": """
        --dataset BADFOLDER
    """,
    "dataset_builder.subq": """
        trian                                                                   | did you mean 'train'
        plan --gpu 7zb                                                          | 8gb
        build --output {new}                                                    | --generation
    """,
    "eval_harness.browse": """
        --results BADFOLDER
        --results {results} --output NOTFILE
    """,
    "eval_harness.push_metric": """
        --metric accuracy --repo org/accuracy                                   | subq_accuracy
        --metric subq_accuracy --repo nonsense                                  | nonsense
        --metric subq_accuracy --output {file}/subq_accuracy                    | file.txt
        --metric subq_accuracy                                                  | --repo
    """,
    "eval_harness.question_quality": """
        --source BADFILE --decomposers reference --output {new}
        --source micro_gsm --limit 1 --decomposers reference --output NOTFOLDER
        --source micro_gsm --limit 1 --decomposers recorded:BADFILE --output {new}
        --source micro_gsm --limit 1 --decomposers reference --references BADFILE --output {new}
        --source micro_gsm --limit 1 --decomposers nope --output {new}          | nope
        --source micro_gsm --limit 1 --decomposers published:nope --output {new} | published:chatgpt
        --source svamp --limit 1 --decomposers nope --output {new}              | svamp
    """,
    "eval_harness.replay": """
        --responses BADFILE
        --responses {responses} --gold BADFILE
        --responses {responses} --json NOTFILE
        --rule first_maker --responses {responses}                              | first_marker
        --published                                                             | SUBQ_DATA
    """,
    "eval_harness.report": """
        BADFOLDER
        {results} --into BADFILE
        {results} --format pdf                                                  | latex
    """,
    "eval_harness.run": """
        --source BADFILE --decomposers none --solvers openai:m --output {new}
        --source gsm8kk --decomposers none --solvers openai:m --output {new}    | gsm8k
        --source micro_gsm --limit 1 --decomposers none --solvers openai:m --output NOTFOLDER
        --source micro_gsm --limit 1 --decomposers none --solvers openai:m --output {bad_journal} | journal.sqlite
        --source micro_gsm --limit 1 --references BADFILE --decomposers none --solvers openai:m --output {new}
        --source micro_gsm --limit 1 --asked_before BADFOLDER --decomposers none --solvers openai:m --output {new}
        --source micro_gsm --limit 1 --decomposers checkpoint:BADFOLDER --solvers openai:m --output {new}
        --source micro_gsm --limit 1 --decomposers recorded:BADFILE --solvers openai:m --output {new}
        --source micro_gsm --limit 1 --decomposers none --solvers recorded:BADFILE --output {new}
        --source micro_gsm --limit 1 --decomposers none --solvers transformers:BADFOLDER --output {new}
        --source micro_gsm --limit 1 --decomposers non --solvers openai:m --output {new} | none
        --source micro_gsm --limit 1 --decomposers none --solvers opnai:m --output {new} | openai
        --source micro_gsm --limit 1 --decomposers none --solvers openai: --output {new} | openai:
        --source micro_gsm --limit 1 --decomposers none none --solvers openai:m --output {new} | none
        --source micro_gsm --limit 1 --decomposers none --solvers openai:m --answer_prompt nope --output {new} | nope
        --source micro_gsm --limit 1 --decomposers none --solvers openai:m --output {new} --price_file BADFILE
    """,
    "eval_harness.runs": """
        BADFOLDER
        {results} BADFOLDER
        {results} {results} {results}                                           | two runs
    """,
    "eval_harness.score_questions": """
        --questions BADFILE --source micro_gsm --solver openai:m
        --questions {questions} --source BADFILE --solver openai:m
        --questions {questions} --source micro_gsm --split test --limit 3 --solver openai:m --journal NOTFILE
        --questions {questions} --source micro_gsm --split test --limit 3 --solver opnai:m | openai
        --source micro_gsm --solver openai:m                                    | --questions
    """,
    "eval_harness.study": """
        --scale small                                                           | --study
        --study subqq                                                           | subqq
        --study subq --scale huge                                               | huge
        --study subq --profile slrm                                             | slurm
        --study subq --profile {file}                                           | file.txt
        --study subq --jobs -1                                                  | --jobs
        --study subq --output NOTFOLDER
        --study subq --output NOTFOLDER --dry_run
    """,
    "eval_harness.study.engine.remote": """
        BADFILE --service ray
        {file} --service hf-jobs                                                | no job script
        {file} --service slurm                                                  | ray
        {file}                                                                  | --service
    """,
    "eval_harness.study_page": """
        --study subq                                                            | --output
        --output {new}                                                          | --study
        --study subqq --plan {notes} --output {new}                            | subqq
        --study subq --output {new}                                             | --plan
        --study subq --plan BADFOLDER --output {new}
        --study subq --scale huge --plan {notes} --output {new}                | huge
        --study subq --set updats=3 --plan {notes} --output {new}              | updates
        --study subq --folders {notes} --output {new}                          | --folders
        --study subq --plan {notes} --output NOTFOLDER
    """,
    "eval_harness.study.status": """
        --output BADFOLDER
        --study nope                                                            | outputs/studies/nope
        --study a --outptu b                                                    | --output
    """,
    "eval_harness.study.step": """
        --plan BADFILE --step a
        --plan BADFOLDER --step a
        --step a                                                                | --plan
        --plan x                                                                | --step
    """,
    "eval_harness.solve": """
        Ann --decomposer checkpoint:BADFOLDER --solver openai:m
        Ann --decomposer non --solver openai:m                                  | none
        Ann --decomposer none --solver opnai:m                                  | openai
        Ann --decomposer reference --solver openai:m                            | reference
        Ann --decomposer none --solver openai:m --journal NOTFILE
    """,
    "model_cards.cards": """
        --checkpoint BADFOLDER --results {results}
        --checkpoint {results} --results {missing}                              | missing
        --checkpoint {results} --results {file}                                 | file.txt
        --checkpoint {results} --results {results} --beside {missing}           | missing
        --checkpoint {results} --results {results} --output NOTFOLDER
        --checkpoint {results}                                                  | --results
    """,
    "model_cards.collection": """
        --items dataset:x --namespace me                                        | dataset:x
        --items set:me/x --namespace me                                         | set:me/x
        --title T                                                               | --namespace
    """,
    "model_cards.demo": """
        --output NOTFOLDER
    """,
    "model_cards.push": """
        --checkpoint BADFOLDER --repo org/name
        --checkpoint {results} --repo name                                      | card
        --repo org/name                                                         | --checkpoint
        --checkpoint {results} --repo org/name --form zip                       | merged
    """,
    "model_cards.space.app": """
        --decomposers checkpoint:BADFOLDER --solver openai:m
        --decomposers non --solver openai:m                                     | none
        --solver opnai:m                                                        | openai
        --port {taken_port}                                                     | cannot listen
    """,
    "model_cards.space.push": """
        --repo name                                                             | org/name
        --repo org/name --decomposers checkpoint:BADFOLDER --solver openai:m
        --repo org/name --datasets x                                            | x
        --repo org/name --decomposers non --solver openai:m                     | none
    """,
    "recipes.decompose": """
        --checkpoint BADFOLDER --problem Ann
        --checkpoint {results} --problem Ann                                    | results
        --checkpoint {broken_checkpoint} --problem Ann                          | broken_checkpoint
        --problem Ann                                                           | --checkpoint
    """,
    "recipes.jobs": """
        --recipe tiny/bc_fulll --flavor l4x1                                    | full
        --recipe gpt2/bc_full --flavor l4x111                                   | l4x1,
        --config BADFILE
    """,
    "recipes.merge": """
        --checkpoint BADFOLDER
        --checkpoint {results}                                                  | results
        --output {new}                                                          | --checkpoint
    """,
    "recipes.plan": """
        --recipe mistrl-lora                                                    | mistral
        --recipe mistral-lara                                                   | lora
        --recipe nonsense                                                       | nonsense
        --recipe tiny/cb_full                                                   | bc
        --recipe gpt2/bc_full --gpu 7zb                                         | 8gb
        --gpu nangb                                                             | 8gb
        --gpu infgb                                                             | 8gb
        --config BADFILE
    """,
    "recipes.select_beta": """
        --checkpoint BADFOLDER --dataset {dataset}
        --checkpoint {results} --dataset {dataset}                              | results
        --dataset {dataset}                                                     | --checkpoint
    """,
    "recipes.smollm2": """
        --gguf BADFILE --output {new}
        --output NOTFOLDER
    """,
    "recipes.train": """
        --recipe tiny/bc_full --dataset BADFOLDER --output_dir {new}
        --recipe tiny/bc_full --dataset {dataset} --output_dir NOTFOLDER
        --recipe tiny/filtered_bc_lora --dataset {dataset} --init_from BADFOLDER --output_dir {new}
        --recipe tiny/bc_full --dataset {dataset} --backbone BADFOLDER --output_dir {new}
        --recipe mistrl-lora --dataset {dataset}                                | mistral
        --recipe tiny/bc_full --dataset {dataset} --output_dir {new} --lr_scheduler coseno | cosine
        --recipe tiny/bc_full --dataset {dataset} --output_dir {new} --optimizer adamm | adam
        --recipe tiny/bc_full --dataset {dataset} --output_dir {new} --trainer_options nonsense=1 | nonsense
        --recipe tiny/bc_full --dataset {dataset} --output_dir {new} --gpu 7zb  | 8gb
        --recipe tiny/bc_full --dataset {dataset} --output_dir {new} --choose_by solver --solver nope:m | openai:MODEL
        --recipe tiny/bc_full --dataset {dataset} --output_dir {new} --choose_by solver --solver transformers:BADFOLDER
        --config BADFILE
    """,
}
"""Entry point -> its rows; one without rows of its own is only tried with what its options cannot be."""
