from pathlib import Path

import pytest

from provisioning.terraform import reach

STRANGER = (54321, 54321)


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reach.open_folder(tmp_path_factory.mktemp("reach", numbered=True) / "open")


def test_a_closed_folder_above_keeps_everybody_out(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    (closed / "program").write_text("x")
    (closed / "program").chmod(0o755)

    assert not reach.can_reach(closed / "program", *STRANGER)
    assert not reach.can_enter(closed, *STRANGER)
    owner = closed.stat()
    assert reach.can_reach(closed / "program", owner.st_uid, owner.st_gid)


def test_what_is_missing_cannot_be_reached(place: Path) -> None:
    assert not reach.can_reach(place / "missing", *STRANGER)


def test_a_copy_has_the_same_content_and_may_be_read_by_all(place: Path) -> None:
    source = place / "private"
    source.write_text("content")
    source.chmod(0o600)

    copied = reach.copy_file(source, place / "copies" / "program")

    assert copied.read_text() == "content"
    assert copied.stat().st_mode & 0o005 == 0o005
    assert reach.copy_file(source, place / "copies" / "program") == copied


def test_a_tree_is_copied_with_its_links_followed(place: Path) -> None:
    (place / "real").mkdir()
    (place / "real" / "provider").write_text("x")
    (place / "tree").mkdir()
    (place / "tree" / "linux_amd64").symlink_to(place / "real")

    copied = reach.copy_tree(place / "tree", place / "copy")

    assert (copied / "linux_amd64" / "provider").read_text() == "x"
    assert not (copied / "linux_amd64").is_symlink()
