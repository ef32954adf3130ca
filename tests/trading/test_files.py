"""A file is there as it was or as it shall be."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading.files import write_whole


def test_a_file_is_put_in_place_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_whole(path, "one")
    write_whole(path, "two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "two \udcff")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]
