"""Where an adapter may be written is told before anything is tuned."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranking.errors import AdapterFolderError, TuningError
from ranking.tuning.files import check_folder


def test_a_new_folder_and_one_of_ours_will_do_and_nothing_is_left_there(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "adapter")
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for name in ("README.md", "adapter_model.safetensors", "checkpoint.safetensors"):
        (tmp_path / name).touch()
    check_folder(tmp_path)


@pytest.mark.parametrize("place", ["taken", "taken/adapter"])
def test_a_file_in_the_way_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(AdapterFolderError, match=rf"written to .*/{place}: Not a directory; choose another"):
        check_folder(tmp_path / place)


@pytest.mark.parametrize("name", ["README.md", "adapter_config.json", "adapter_model.safetensors"])
def test_files_of_something_else_are_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(TuningError, match=f"holds a {name} that tuning did not write"):
        check_folder(tmp_path)
