"""The metric's Space: a problem and two sets of sub-questions -> the measures of the first."""

from pathlib import Path

import evaluate
import gradio as gr

METRIC = evaluate.load(str(Path(__file__).with_name("decomposition_quality.py")))


def measure(problem: str, questions: str, reference: str) -> dict:
    """The measures of one set; the texts hold one question a line."""
    generated, expected = _lines(questions), _lines(reference)
    if not generated:
        return {"sets": 0}
    return METRIC.compute(
        predictions=[generated], references=[expected], problems=[problem] if problem.strip() else None
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


demo = gr.Interface(
    fn=measure,
    inputs=[
        gr.Textbox(label="problem (may be empty)", lines=3),
        gr.Textbox(label="sub-questions, one a line", lines=5),
        gr.Textbox(label="reference sub-questions, one a line (may be empty)", lines=5),
    ],
    outputs=gr.JSON(label="measures"),
    examples=[
        [
            "Ann has 3 pens and buys 2 for $4 each. How much did she pay?",
            "How many pens did Ann buy?\nHow much did the 2 pens cost in all?",
            "How much did Ann pay?",
        ]
    ],
    title="Decomposition quality",
    description="How good a set of sub-questions is, without answering it.",
    flagging_mode="never",
)

if __name__ == "__main__":
    demo.launch()
