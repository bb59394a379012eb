"""The demo Space: type a problem, see it decomposed and solved by one or two decomposers side by side.

    python -m model_cards.space.app --port 7860

Without a word about decomposers or a solver it runs on the embedded MicroGSM world, with no key. On the Hub the same
options stand in the Space's `space.yaml` (`model_cards.space.push` writes it); a key is its secret OPENAI_API_KEY,
which stays in the environment.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.micro_gsm.server import endpoint
from model_cards.space import view
from model_cards.space.demo import MOST_CHARACTERS, PairRoom, samples

WORLD = ["reference", "api:micro-gsm-teacher", "none"]
WORLD_SOLVER = "openai:micro-gsm-solver"
INTRO = """# Decompose, then solve
A **decomposer** splits a word problem into sub-questions; a **solver** answers them one by one. Choose one or two
decomposers and compare what they ask, what the solver makes of it, and what it costs."""
WORLD_NOTE = (
    "*No endpoint is configured, so the embedded MicroGSM world answers. It reads its own problems only: draw one, "
    "then change names or numbers.*"
)


@dataclass(frozen=True)
class SpaceConfig:
    """Who decomposes, who solves, where the page is served."""

    decomposers: list[str] = option([], "as in eval_harness.run: checkpoint:PATH api:MODEL reference none ...")
    solver: str = option("", "as in eval_harness.run: openai:MODEL, transformers:PATH, ...")
    base_url: str = option("", "endpoint of both; empty: OPENAI_BASE_URL, or micro_gsm where nothing is configured")
    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(7860, "port to listen on")
    max_cost_usd: float = option(
        0.05, "most a problem may cost with one decomposer; 0: no cap (unknown prices need it)"
    )


def room_of(config: SpaceConfig, world_url: str) -> PairRoom:
    """The pairs of a config; the embedded world where it names none."""
    if not config.solver:
        return PairRoom(config.decomposers or WORLD, WORLD_SOLVER, world_url, config.max_cost_usd)
    base_url = world_url if config.base_url == "micro_gsm" else config.base_url
    return PairRoom(config.decomposers or ["none"], config.solver, base_url, config.max_cost_usd)


def runs_in_world(config: SpaceConfig) -> bool:
    return not config.solver or config.base_url == "micro_gsm"


def build_page(room: PairRoom, in_world: bool) -> Any:
    """The page as Gradio blocks."""
    import gradio as gr

    drawn = random.Random()

    def draw() -> tuple[str, str]:
        problem = drawn.choice(list(samples().values()))
        return problem.problem, problem.gold_answer

    def solve(text: str, gold: str, left: str, right: str) -> tuple[str, str]:
        columns = [_column(room, text, gold, spec) for spec in (left, right) if spec]
        return columns[0] if columns else "", columns[1] if len(columns) > 1 else ""

    with gr.Blocks(title="Decompose, then solve", analytics_enabled=False) as page:
        gr.Markdown(INTRO + (f"\n\n{WORLD_NOTE}" if in_world else ""))
        problem = gr.Textbox(label="Problem", lines=4, max_length=MOST_CHARACTERS, elem_id="problem")
        with gr.Row():
            left = gr.Dropdown(room.decomposers, value=room.decomposers[0], label="Decomposer")
            others = ["", *room.decomposers]
            second = room.decomposers[1] if len(room.decomposers) > 1 else ""
            right = gr.Dropdown(others, value=second, label="Second decomposer (may be empty)")
            gold = gr.Textbox(label="Right answer (optional)", max_lines=1, elem_id="gold")
        with gr.Row():
            draw_button = gr.Button("Draw a problem", elem_id="draw")
            solve_button = gr.Button("Decompose and solve", variant="primary", elem_id="solve")
        shown = []
        with gr.Row():
            for side in ("left", "right"):
                with gr.Column(min_width=300):
                    shown.append(gr.HTML(elem_id=side))
        gr.Markdown(f"Solver: `{room.solver}`")
        problem.input(lambda: "", outputs=gold)  # another problem has another answer
        draw_button.click(draw, outputs=[problem, gold])
        solve_button.click(solve, inputs=[problem, gold, left, right], outputs=shown)
    return page


def serve(config: SpaceConfig) -> None:
    """Serves the page until it is stopped.

    Raises:
        UserError: gradio is not installed, or the embedded world does not start.
    """
    try:
        import gradio as gr
    except ImportError as error:
        raise UserError("the page needs gradio: .venv/bin/pip install 'gradio>=6.31' (the extra `space`)") from error
    in_world = runs_in_world(config)
    with endpoint(["micro_gsm"] if in_world else []) as urls:
        room = room_of(config, urls[0] if urls else "")
        theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
        page = build_page(room, in_world)
        page.queue(default_concurrency_limit=1)
        page.launch(server_name=config.host, server_port=config.port, theme=theme, css=view.STYLE, share=False)


def _column(room: PairRoom, text: str, gold: str, spec: str) -> str:
    try:
        return view.column(room.ask(text, gold, [spec])[0])
    except UserError as error:
        return view.failure(str(error))


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.space.app`."""
    serve(
        parse_config(
            SpaceConfig,
            argv,
            prog="python -m model_cards.space.app",
            description="Serve the demo page: a problem, decomposed and solved, two decomposers side by side.",
            epilog="""examples:
  python -m model_cards.space.app
  python -m model_cards.space.app --decomposers checkpoint:outputs/demo/filtered_bc api:micro-gsm-teacher none \\
      --solver openai:micro-gsm-solver --base_url micro_gsm""",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
