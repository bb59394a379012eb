"""The demo page as Gradio draws it, and its server: it opens with a problem that is filled in and solved."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from dataset_builder.core.errors import UserError
from dataset_builder.core.values import check_installed
from dataset_builder.sources.embedded import serve_embedded
from eval_harness.pipeline.one_problem import Answered
from model_cards.space import view
from model_cards.space.config import SpaceConfig, build_demo
from model_cards.space.demo import MOST_CHARACTERS, PairDemo, samples
from model_cards.space.provenance import plain_name, runs_here
from model_cards.space.zero_gpu import on_zero_gpu, with_gpu

if TYPE_CHECKING:
    import gradio as gr

Ask = Callable[[str, str, list[str]], list[Answered]]

INTRO = """# Split a problem, then solve it
Hard problems get easier in small steps. One model splits a problem into smaller questions, a second one answers
them one after the other. Compare two ways to split: what is asked, what comes out, and what it costs."""
WORLD_NOTE = (
    "MicroGSM reads only problems of its own form: take one with the button, and change names or numbers if you like."
)


class Page:
    """What the page's buttons do."""

    def __init__(self, demo: PairDemo) -> None:
        self.demo = demo
        self.first = next(iter(samples().values()))
        self._opened: tuple[str, str] | None = None
        ask: Ask = demo.ask
        self._ask_here: Ask = with_gpu(ask) if self._needs_gpu else ask

    @property
    def _needs_gpu(self) -> bool:
        return any(map(runs_here, (*self.demo.decomposers, self.demo.solver)))

    @property
    def sides(self) -> tuple[str, str]:
        """The decomposers that are chosen at first."""
        first, *others = self.demo.decomposers
        return first, "none" if "none" in others else next(iter(others), "")

    def warm_up(self) -> None:
        """Loads what takes time and solves the first problem, but where a GPU is only lent to a visitor."""
        self.demo.load()
        if not (self._needs_gpu and on_zero_gpu()):
            self.open()

    def open(self) -> tuple[str, str]:
        """The first problem, solved; once for all visitors."""
        if self._opened is None:
            self._opened = self.solve(self.first.problem, self.first.gold_answer, *self.sides)
        return self._opened

    def draw(self) -> tuple[str, str]:
        """Another problem and its right answer."""
        problem = random.choice(list(samples().values()))
        return problem.problem, problem.gold_answer

    def solve(self, text: str, gold: str, left: str, right: str) -> tuple[str, str]:
        """A column per decomposer."""
        columns = [self._column(text, gold, spec) for spec in (left, right) if spec]
        return columns[0] if columns else "", columns[1] if len(columns) > 1 else ""

    def _column(self, text: str, gold: str, spec: str) -> str:
        here = runs_here(spec) or runs_here(self.demo.solver)
        ask: Ask = self._ask_here if here else self.demo.ask
        try:
            return view.column(ask(text, gold, [spec])[0])
        except UserError as error:
            return view.failure(str(error))


def build_page(page: Page, config: SpaceConfig) -> gr.Blocks:
    """The page as Gradio blocks."""
    import gradio as gr

    choices = [(plain_name(spec), spec) for spec in page.demo.decomposers]
    left_side, right_side = page.sides
    with gr.Blocks(title="Split a problem, then solve it", analytics_enabled=False) as blocks:
        gr.Markdown(INTRO)
        problem = gr.Textbox(
            page.first.problem,
            label="Problem",
            info=WORLD_NOTE if config.runs_in_world else None,
            lines=3,
            max_lines=12,
            max_length=MOST_CHARACTERS,
            elem_id="problem",
        )
        with gr.Row():
            left = gr.Dropdown(choices, value=left_side, label="Split by", min_width=200)
            right = gr.Dropdown([("nothing", ""), *choices], value=right_side, label="Compare with", min_width=200)
            gold = gr.Textbox(
                page.first.gold_answer, label="Right answer (may be empty)", max_lines=1, min_width=160, elem_id="gold"
            )
        with gr.Row():
            draw_button = gr.Button("Another problem", elem_id="draw")
            solve_button = gr.Button("Solve", variant="primary", elem_id="solve")
        shown = []
        with gr.Row():
            for side in ("left", "right"):
                with gr.Column(min_width=300):
                    shown.append(gr.HTML(elem_id=side))
        origins = "\n".join(f"- {line}" for line in config.origins)
        gr.Markdown(f"### Where this comes from\n{origins}", elem_id="origins")
        problem.input(lambda: "", outputs=gold)  # another problem has another answer
        asked = [problem, gold, left, right]
        draw_button.click(page.draw, outputs=[problem, gold]).then(page.solve, inputs=asked, outputs=shown)
        solve_button.click(page.solve, inputs=asked, outputs=shown)
        blocks.load(page.open, outputs=shown)
    return blocks


def serve(config: SpaceConfig) -> None:
    """Serves the page until it is stopped.

    Raises:
        UserError: gradio is not installed, or the embedded world does not start.
    """
    check_installed("gradio")
    import gradio as gr

    with serve_embedded(["micro_gsm"] if config.runs_in_world else []) as urls:
        demo = build_demo(config, urls[0] if urls else "")
        demo.check()
        page = Page(demo)
        page.warm_up()
        theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
        blocks = build_page(page, config)
        blocks.queue(default_concurrency_limit=1)
        try:
            blocks.launch(server_name=config.host, server_port=config.port, theme=theme, css=view.STYLE, share=False)
        except OSError as error:
            raise UserError(f"cannot listen on {config.host}:{config.port}; choose another --port") from error
