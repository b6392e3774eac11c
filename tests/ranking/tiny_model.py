"""A random Llama of two layers with its own small tokenizer, written to a folder. It knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TEXT = [
    "They watched these films, oldest first: Alien, Aliens, Big Fish, Heat, Brazil. Will they watch this next?",
    "Answer: Yes Answer: No Yes No Film: Which film next? You rank films. system user assistant word word word",
]


def save_tiny_model(folder: Path, *, chat_template: str | None = CHAT_TEMPLATE, max_context: int = 512) -> Path:
    """Writes model and tokenizer; the same weights every time."""
    tokenizer = _tokenizer(chat_template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=max_context,
        tie_word_embeddings=True,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model: Any = LlamaForCausalLM(config)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def _tokenizer(chat_template: str | None) -> Any:
    inner: Any = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(_TEXT * 4, trainer)
    wrapper: Any = PreTrainedTokenizerFast
    made = wrapper(tokenizer_object=inner, bos_token="<|im_start|>", eos_token="<|im_end|>")
    made.chat_template = chat_template
    return made
