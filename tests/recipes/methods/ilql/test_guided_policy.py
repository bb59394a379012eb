"""Guided decoding: what the scores are, and that cache, batch and beams change no token."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_builder.micro_gsm.problems import generate_problems
from recipes.methods.ilql.guided_policy import GuidedModel, guide
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.settings import Decoding
from recipes.models.load import load_backbone, load_tokenizer
from recipes.models.policy import Policy

PROBLEMS = generate_problems("test", 5, 0)


def opinionated_heads(hidden: int, vocabulary: int) -> ValueHeads:
    """Heads that prefer some tokens strongly, so that decoding is not the policy's own."""
    torch.manual_seed(1)
    heads = ValueHeads(hidden, vocabulary)
    for parameter in heads.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return heads


@pytest.fixture(scope="module")
def guided(cloned: Path) -> Policy:
    policy, trunk = (load_backbone(str(cloned), dtype=torch.float32) for _ in range(2))
    heads = opinionated_heads(policy.config.hidden_size, policy.config.vocab_size)
    model = GuidedModel(policy, trunk, heads, Decoding(beta=0.3, top_k=8)).eval()
    return Policy(model, load_tokenizer(str(cloned)))


def plain_tokens(model: GuidedModel, prompt: torch.Tensor, count: int) -> list[int]:
    """The definition, word for word: the whole prefix again for each token, and the full vocabulary."""
    tokens = prompt
    for _ in range(count):
        with torch.no_grad():
            log_pi = model.policy(tokens).logits[0, -1].log_softmax(-1)
            state = model.trunk.base_model(tokens).last_hidden_state[0, -1:]
            q = torch.stack([head(state)[0] for head in model.heads.q]).amin(0)
            scores = log_pi + model.decoding.beta * (q - model.heads.value(state))
            out = log_pi.argsort(descending=True)[model.decoding.top_k :]
            scores[out] = -math.inf
        tokens = torch.cat([tokens, scores.argmax()[None, None]], dim=1)
    return tokens[0, prompt.shape[1] :].tolist()


def generated(policy: Policy, prompt: torch.Tensor, **options: Any) -> list[int]:
    pad = policy.tokenizer.pad_token_id
    out = policy.model.generate(
        input_ids=prompt, do_sample=False, max_new_tokens=24, eos_token_id=None, pad_token_id=pad, **options
    )
    return out[0, prompt.shape[1] :].tolist()


def prompt_of(policy: Policy, index: int = 0) -> torch.Tensor:
    return torch.tensor(policy.tokenizer([PROBLEMS[index].problem + "\n"])["input_ids"])


def test_scores_by_hand() -> None:
    log_pi = torch.tensor([[0.5, 0.4, 0.1]]).log()
    scores = guide(log_pi, torch.tensor([[0.0, 1.0, 9.0]]), Decoding(beta=2.0, min_ratio=0.25))
    assert scores[0, :2].tolist() == pytest.approx([math.log(0.5), math.log(0.4) + 2.0])
    assert scores[0, 2] == -math.inf  # 0.1 is less than a quarter of 0.5


def test_cached_decoding_equals_the_definition(guided: Policy) -> None:
    for index in range(3):
        prompt = prompt_of(guided, index)
        assert generated(guided, prompt) == plain_tokens(guided.model, prompt, 24)


def test_cached_decoding_equals_uncached(guided: Policy) -> None:
    prompt = prompt_of(guided)
    assert generated(guided, prompt) == generated(guided, prompt, use_cache=False)


def test_values_do_change_what_is_said(guided: Policy) -> None:
    bare = Policy(guided.model.policy, guided.tokenizer)
    assert generated(guided, prompt_of(guided)) != generated(bare, prompt_of(bare))


def test_beta_zero_is_the_policy_itself(guided: Policy) -> None:
    model = guided.model
    calm = Policy(GuidedModel(model.policy, model.trunk, model.heads, Decoding(beta=0.0)).eval(), guided.tokenizer)
    bare = Policy(model.policy, guided.tokenizer)
    assert calm.generate(PROBLEMS, max_new_tokens=24) == bare.generate(PROBLEMS, max_new_tokens=24)


def test_a_batch_says_what_each_problem_alone_says(guided: Policy) -> None:
    together = guided.generate(PROBLEMS, max_new_tokens=24)
    assert together == [guided.generate([problem], max_new_tokens=24)[0] for problem in PROBLEMS]


def test_cached_beams_equal_uncached_beams(guided: Policy) -> None:
    prompt = prompt_of(guided)
    assert generated(guided, prompt, num_beams=3) == generated(guided, prompt, num_beams=3, use_cache=False)


def test_sampling_stays_among_the_policys_likeliest(guided: Policy) -> None:
    torch.manual_seed(0)
    prompt = prompt_of(guided)
    with torch.no_grad():
        likeliest = guided.model.policy(prompt).logits[0, -1].topk(8).indices.tolist()
    pad = guided.tokenizer.pad_token_id
    out = guided.model.generate(
        input_ids=prompt.repeat(64, 1), do_sample=True, top_k=0, max_new_tokens=1, pad_token_id=pad
    )
    assert set(out[:, -1].tolist()) <= set(likeliest)


def test_few_columns_of_the_q_heads_equal_all_of_them() -> None:
    heads = opinionated_heads(8, 20)
    states, tokens = torch.randn(3, 8), torch.tensor([[1, 4], [19, 0], [7, 7]])
    assert torch.allclose(heads.advantage(states, tokens), heads.advantage(states).gather(1, tokens), atol=1e-6)
