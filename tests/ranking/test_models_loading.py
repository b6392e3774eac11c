from __future__ import annotations

import os
import platform
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from ranking.engines.attention import packed_attention
from ranking.engines.device import bound_shapes_kept, choose_device, choose_dtype, give_back_memory
from ranking.errors import ConfigError, ModelError
from ranking.models.hub import download, snapshot
from ranking.models.pretrained import check_on_device, convert_gguf, load_pretrained
from tests.ranking.tiny_model import save_tiny_model


def load(folder: Path) -> Any:
    return load_pretrained(folder, device="cpu", dtype=torch.float32, attention=packed_attention)


def test_a_file_that_is_no_gguf_is_named(tmp_path: Path) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"model\.gguf cannot be read"):
        convert_gguf(source, tmp_path / "out")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(tmp_path)


def test_a_model_with_a_sliding_window_is_held_to_the_window(tmp_path: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    save_tiny_model(tmp_path)
    config = MistralConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        sliding_window=100,
    )
    model: Any = MistralForCausalLM(config)
    model.save_pretrained(str(tmp_path))
    loaded = load(tmp_path)
    assert (loaded.max_context, loaded.structured) == (100, False)


def test_layers_without_attention_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mamba", "architectures": ["MambaForCausalLM"]}')
    with pytest.raises(ModelError, match=r"recurrent|attention|cannot be loaded"):
        load(tmp_path)


def test_the_hub_is_not_asked_for_what_is_only_looked_up() -> None:
    with pytest.raises(ModelError, match="fewrec models prepare fewrec-tests/no-such-model"):
        snapshot("fewrec-tests/no-such-model")


def test_a_failed_download_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="fewrec-tests/no-such-model cannot be downloaded") as caught:
        download("fewrec-tests/no-such-model")
    assert "\n" not in str(caught.value)


def test_bf16_only_where_the_cpu_multiplies_in_it(tmp_path: Path) -> None:
    with_it, without = tmp_path / "with", tmp_path / "without"
    with_it.write_text("flags : fpu avx512f avx512_bf16\n")
    without.write_text("flags : fpu avx2\n")
    assert choose_dtype("auto", "cpu", with_it) == torch.bfloat16
    assert choose_dtype("auto", "cpu", without) == torch.float32
    assert choose_dtype("auto", "cpu", tmp_path / "absent") == torch.float32
    assert choose_dtype("auto", "cuda") == torch.bfloat16
    assert choose_dtype("float16", "cpu") == torch.float16


def test_code_is_kept_for_few_shapes_unless_the_user_says_how_many() -> None:
    untouched: dict[str, str] = {}
    said = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}
    bound_shapes_kept(untouched)
    bound_shapes_kept(said)
    assert untouched == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
    assert said == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_memory_between_blocks_in_use_is_given_back() -> None:
    blocks = [bytearray(64 * 1024) for _ in range(2000)]
    before = _resident()
    in_use = blocks[::20]
    del blocks
    give_back_memory()
    assert before - _resident() > 60 * 1024**2
    assert len(in_use) == 100


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_device_that_is_not_there_is_refused() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ConfigError, match="abacus"):
        choose_device("abacus")


@pytest.mark.parametrize(("places", "fits"), [({"a": 0, "b": 1}, True), ({"a": 0, "b": "cpu"}, False)])
def test_a_model_too_large_for_the_gpus_is_refused(places: dict[str, Any], fits: bool) -> None:
    with nullcontext() if fits else pytest.raises(ModelError, match="1 of its 2 parts"):
        check_on_device(places, "cuda", Path("model"))
    check_on_device({"": "cpu"}, "cpu", Path("model"))
