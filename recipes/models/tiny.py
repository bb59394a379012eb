"""The `tiny` backbone: a small Llama with a word-level tokenizer, both made from the dataset's own text.

Reads training texts; writes nothing (the trainer saves it as an ordinary checkpoint that `from_pretrained` reads).
One word with the blank before it is one token, so is a whole number, and so is each delimiter, which keeps a problem
with its sub-questions under about 120 tokens; decoding gives back the very text that was encoded:

    "Ana has 12 pens.\\n <QUE> ..."  ->  ["Ana", " has", " 12", " pens", ".", "\\n", " <QUE>", ...]
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from dataset_builder.text.student_format import QUESTION_END, QUESTION_START
from recipes.config.recipe import RecipeConfig

PAD, END, UNKNOWN = "<pad>", "<|endoftext|>", "<unk>"


def build_word_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A lossless word-level tokenizer over the words of `texts`, the most frequent `vocabulary` of them."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Split(" ", "merged_with_next"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    tokenizer.decoder = decoders.Fuse()
    # The delimiters become tokens of their own below, so their pieces must not become words here.
    tokenizer.train_from_iterator(
        (text.replace(QUESTION_START, "").replace(QUESTION_END, "") for text in texts),
        trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=[PAD, END, UNKNOWN], show_progress=False),
    )
    # The delimiters carry their blank and are no "special" tokens, so that decoding keeps them while it drops END.
    tokenizer.add_tokens([AddedToken(f" {word}", normalized=False) for word in (QUESTION_START, QUESTION_END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def build_tiny_model(config: RecipeConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with random weights, of the size the recipe names, with room for `max_length` tokens and a reply."""
    width = config.tiny_hidden_size
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=config.tiny_layers,
            num_attention_heads=config.tiny_heads,
            num_key_value_heads=config.tiny_heads,
            max_position_embeddings=2 * config.max_length,
            initializer_range=0.5 * width**-0.5,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
