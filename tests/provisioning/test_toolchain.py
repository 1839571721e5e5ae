from pathlib import Path

from provisioning.execution import toolchain


def test_runner_folders_whose_data_is_gone_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, stands_for in {"gone": tmp_path / "removed", "used": tmp_path / "data"}.items():
        folder = tmp_path / f"skyvend-runner-{name}"
        (folder / "runs").mkdir(parents=True)
        (folder / "stands-for").write_text(str(stands_for))
    (tmp_path / "skyvend-runner-unnamed").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "stands-for").write_text(str(tmp_path / "removed"))
    (tmp_path / "skyvend-runner-link").symlink_to(outside)

    toolchain._remove_stale(tmp_path)

    left = sorted(path.name for path in tmp_path.glob("skyvend-runner-*"))
    assert left == ["skyvend-runner-link", "skyvend-runner-unnamed", "skyvend-runner-used"]
    assert outside.exists()
