"""What a reply says, without reasoning, chat marks and tags."""

from __future__ import annotations

import pytest

from dataset_builder.answers.replies import said


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Final answer: 7", "Final answer: 7"),
        ("<think>5?</think>7", "7"),
        ("5? </think>7", "7"),
        ("<think>a</think>7<think>b</think> pens", "7 pens"),
        ("<think>cut off", ""),
        ("7 <think>cut off", "7 "),
        ("<Thinking>5</Thinking>7", "7"),
        ("◁think▷5◁/think▷7", "7"),
        ("[THINK]5[/THINK]7", "7"),
        ("<|channel|>analysis<|message|>5<|end|><|start|>assistant<|channel|>final<|message|>7<|return|>", "7"),
        ("<|channel|>analysis<|message|>5", ""),
        ("7</s>", "7"),
        ("<s>7</s>", "7"),
        ("7<|im_end|>\n<|im_start|>user\n8", "7"),
        ("<|im_start|>assistant\n7<|im_end|>", "7"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n7<|eot_id|>", "\n\n7"),
        ("<pad><pad>7", "7"),
        ("<b>7</b> <i>pens</i>", "7 pens"),
        ("7<br>8", "7\n8"),
        ("7 m<sup>2</sup>", "7 m^2"),
        ("<del>8</del>7", "7"),
        ("2 < 3 and <<2+5=7>>7", "2 < 3 and <<2+5=7>>7"),
        ("", ""),
    ],
)
def test_a_reply_is_cut_to_what_it_says(reply: str, expected: str) -> None:
    assert said(reply) == expected
