"""The demo page as Gradio draws it, and its server."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from dataset_builder.core.errors import UserError
from dataset_builder.sources.embedded import serve_embedded
from model_cards.space import view
from model_cards.space.config import SpaceConfig, build_demo
from model_cards.space.demo import MOST_CHARACTERS, PairDemo, samples

if TYPE_CHECKING:
    import gradio as gr

INTRO = """# Decompose, then solve
A **decomposer** splits a word problem into sub-questions; a **solver** answers them one by one. Choose one or two
decomposers and compare what they ask, what the solver makes of it, and what it costs."""
WORLD_NOTE = (
    "*No endpoint is configured, so the embedded MicroGSM world answers. It reads its own problems only: draw one, "
    "then change names or numbers.*"
)


def build_page(demo: PairDemo, in_world: bool) -> gr.Blocks:
    """The page as Gradio blocks."""
    import gradio as gr

    generator = random.Random()

    def draw() -> tuple[str, str]:
        problem = generator.choice(list(samples().values()))
        return problem.problem, problem.gold_answer

    def solve(text: str, gold: str, left: str, right: str) -> tuple[str, str]:
        columns = [_column(demo, text, gold, spec) for spec in (left, right) if spec]
        return columns[0] if columns else "", columns[1] if len(columns) > 1 else ""

    with gr.Blocks(title="Decompose, then solve", analytics_enabled=False) as page:
        gr.Markdown(INTRO + (f"\n\n{WORLD_NOTE}" if in_world else ""))
        problem = gr.Textbox(label="Problem", lines=4, max_lines=12, max_length=MOST_CHARACTERS, elem_id="problem")
        with gr.Row():
            left = gr.Dropdown(demo.decomposers, value=demo.decomposers[0], label="Decomposer", min_width=220)
            optional = ["", *demo.decomposers]
            second = demo.decomposers[1] if len(demo.decomposers) > 1 else ""
            right = gr.Dropdown(optional, value=second, label="Second decomposer (may be empty)", min_width=220)
            gold = gr.Textbox(label="Right answer (optional)", max_lines=1, elem_id="gold")
        with gr.Row():
            draw_button = gr.Button("Draw a problem", elem_id="draw")
            solve_button = gr.Button("Decompose and solve", variant="primary", elem_id="solve")
        shown = []
        with gr.Row():
            for side in ("left", "right"):
                with gr.Column(min_width=300):
                    shown.append(gr.HTML(elem_id=side))
        gr.Markdown(f"Solver: `{demo.solver}`")
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
    in_world = config.runs_in_world
    with serve_embedded(["micro_gsm"] if in_world else []) as urls:
        demo = build_demo(config, urls[0] if urls else "")
        demo.check()
        theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
        page = build_page(demo, in_world)
        page.queue(default_concurrency_limit=1)
        try:
            page.launch(server_name=config.host, server_port=config.port, theme=theme, css=view.STYLE, share=False)
        except OSError as error:
            raise UserError(f"cannot listen on {config.host}:{config.port}; choose another --port") from error


def _column(demo: PairDemo, text: str, gold: str, spec: str) -> str:
    try:
        return view.column(demo.ask(text, gold, [spec])[0])
    except UserError as error:
        return view.failure(str(error))
