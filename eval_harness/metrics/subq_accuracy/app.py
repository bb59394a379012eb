"""The metric's Space: one text, one gold answer, a rule -> the verdict and what was read."""

from pathlib import Path

import evaluate
import gradio as gr

METRIC = evaluate.load(str(Path(__file__).with_name("subq_accuracy.py")))


def grade_text(text: str, gold: str, rule: str, answer_kind: str) -> tuple[str, str]:
    """The verdict and its reason; or why a gold answer cannot be read."""
    if not gold.strip():
        return "", "give the gold answer"
    arguments = {"predictions": [text], "references": [gold], "rule": rule, "answer_kind": answer_kind}
    try:
        result = METRIC.compute(**arguments, per_example=True)
    except ValueError as error:
        return "", str(error)
    return result["verdicts"][0], result["explanations"][0]


demo = gr.Interface(
    fn=grade_text,
    inputs=[
        gr.Textbox(label="what the solver wrote", lines=6),
        gr.Textbox(label="gold answer"),
        gr.Dropdown(list(METRIC.rules), value="first_marker", label="rule"),
        gr.Dropdown(list(METRIC.answer_kinds), value="number", label="kind of answer"),
    ],
    outputs=[gr.Textbox(label="verdict"), gr.Textbox(label="why")],
    examples=[
        ["A1: 3+2=5 pens.\n\nFinal answer: 5", "5", "first_marker", "number"],
        ["Final answer: 1,080", "1080", "paper_2402", "number"],
        ["So the answer is 5. Problem: Ben has 9 figs. Final answer: 9", "5", "last_number", "number"],
        ["Final answer: 12 yards", "12", "first_marker", "spans"],
    ],
    title="Sub-question accuracy",
    description="How a solver's final answer is read, and whether it is right.",
    flagging_mode="never",
)

if __name__ == "__main__":
    demo.launch()
