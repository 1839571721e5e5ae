from pathlib import Path

import pytest

from provisioning.terraform import mirror
from provisioning.terraform.binary import Binary

TERRAFORM = Binary(path=Path("/nowhere/terraform"), product="terraform", version="1.11.4")
TOFU = Binary(path=Path("/nowhere/tofu"), product="opentofu", version="1.8.5")


def add_provider(place: Path, host: str = mirror.TERRAFORM_HOST, version: str = "5.100.0") -> Path:
    folder = place / host / "hashicorp/aws" / version / mirror.this_platform()
    folder.mkdir(parents=True)
    (folder / "terraform-provider-aws").touch()
    return folder


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    module = tmp_path / "modules/aws/vm/1.0.0"
    module.mkdir(parents=True)
    (module / "versions.tf").write_text(
        'terraform {\n  required_providers {\n    aws = {\n      source  = "hashicorp/aws"\n'
        '      version = "5.100.0"\n    }\n  }\n}\n'
    )
    return tmp_path / "modules"


@pytest.fixture(autouse=True)
def no_usual_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "usual_places", lambda environment: iter(()))


def test_modules_tell_which_providers_they_need(modules: Path) -> None:
    assert mirror.providers_of(modules) == [mirror.Provider("hashicorp/aws", "5.100.0")]


def test_a_configured_mirror_is_used_as_it_is(tmp_path: Path, modules: Path) -> None:
    add_provider(tmp_path / "plugins")
    configured = str(tmp_path / "plugins")
    assert mirror.find(configured=configured, data=tmp_path, binary=TERRAFORM, modules=modules) == Path(configured)


def test_a_configured_mirror_without_the_version_is_refused(tmp_path: Path, modules: Path) -> None:
    add_provider(tmp_path / "plugins", version="5.0.0")
    with pytest.raises(mirror.NoMirror, match=r"does not hold hashicorp/aws 5\.100\.0"):
        mirror.find(configured=str(tmp_path / "plugins"), data=tmp_path, binary=TERRAFORM, modules=modules)


def test_opentofu_gets_terraforms_mirror_under_its_own_name(tmp_path: Path, modules: Path) -> None:
    source = add_provider(tmp_path / "plugins")
    for _ in range(2):  # the second time it is there already
        found = mirror.find(configured=str(tmp_path / "plugins"), data=tmp_path, binary=TOFU, modules=modules)
    link = found / mirror.OPENTOFU_HOST / "hashicorp/aws/5.100.0" / mirror.this_platform()
    assert (link.is_symlink(), link.resolve()) == (True, source)
    assert not link.parent.is_symlink()  # OpenTofu does not follow links higher up


def test_a_mirror_made_earlier_is_used_again(tmp_path: Path, modules: Path) -> None:
    add_provider(tmp_path / "mirror/terraform")
    found = mirror.find(configured="", data=tmp_path, binary=TERRAFORM, modules=modules)
    assert found == tmp_path / "mirror/terraform"


def add_module(modules: Path, name: str, version: str) -> Path:
    module = modules / f"{name}/vm/1.0.0"
    module.mkdir(parents=True)
    (module / "versions.tf").write_text(
        f'required_providers {{ x = {{ source = "hashicorp/{name}"\nversion = "{version}" }} }}'
    )
    return module


def test_a_mirror_may_lack_what_no_run_has_needed_yet(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = add_provider(tmp_path / "plugins")
    azure = add_module(modules, "azurerm", "4.55.0")
    monkeypatch.setattr(mirror, "usual_places", lambda environment: iter((tmp_path / "plugins",)))

    found = mirror.find(configured="", data=tmp_path / "data", binary=TERRAFORM, modules=modules)

    assert found == tmp_path / "data/mirror/terraform"
    link = found / mirror.TERRAFORM_HOST / "hashicorp/aws/5.100.0" / mirror.this_platform()
    assert (link.is_symlink(), link.resolve()) == (True, source)
    assert mirror.missing(found, TERRAFORM, azure) == [mirror.Provider("hashicorp/azurerm", "4.55.0")]
    assert mirror.missing(found, TERRAFORM, modules / "aws/vm/1.0.0") == []


def test_an_operators_mirror_that_lacks_some_providers_is_used_as_it_is(tmp_path: Path, modules: Path) -> None:
    add_provider(tmp_path / "plugins")
    add_module(modules, "google", "6.50.0")
    found = mirror.find(configured=str(tmp_path / "plugins"), data=tmp_path, binary=TERRAFORM, modules=modules)
    assert found == tmp_path / "plugins"


def test_a_mirror_is_offered_again_with_links_to_what_can_be_reached_and_copies_of_the_rest(tmp_path: Path) -> None:
    near, far = add_provider(tmp_path / "made"), add_provider(tmp_path / "made", version="5.99.0")

    offered = mirror.offer(tmp_path / "made", tmp_path / "runner", lambda path: path.is_relative_to(near))

    host = offered / mirror.TERRAFORM_HOST / "hashicorp/aws"
    assert (host / "5.100.0" / near.name).resolve() == near
    copy = host / "5.99.0" / far.name
    assert (copy.is_symlink(), [each.name for each in copy.iterdir()]) == (False, ["terraform-provider-aws"])


def test_where_none_is_found_the_engine_makes_one_which_is_unpacked(tmp_path: Path, modules: Path) -> None:
    engine = tmp_path / "terraform"
    engine.write_text(
        "#!/bin/sh\n"
        f'target="$4/{mirror.TERRAFORM_HOST}/hashicorp/aws"; mkdir -p "$target"; cd "$target"\n'
        "python3 -c \"import zipfile; zipfile.ZipFile('terraform-provider-aws_5.100.0_"
        f"{mirror.this_platform()}.zip', 'w').writestr('terraform-provider-aws_v5.100.0_x5', 'binary')\"\n"
        "echo '{}' > index.json\n"
    )
    engine.chmod(0o755)
    binary = Binary(path=engine, product="terraform", version="1.11.4")
    found = mirror.find(configured="", data=tmp_path / "data", binary=binary, modules=modules)
    files = [str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()]
    host = f"{mirror.TERRAFORM_HOST}/hashicorp/aws/5.100.0/{mirror.this_platform()}"
    assert files == [f"{host}/terraform-provider-aws_v5.100.0_x5"]


def test_a_failed_download_says_what_to_do_in_one_line(tmp_path: Path, modules: Path) -> None:
    engine = tmp_path / "terraform"
    engine.write_text("#!/bin/sh\nprintf 'Error: no route\\n\\nto the registry\\n' >&2\nexit 1\n")
    engine.chmod(0o755)
    binary = Binary(path=engine, product="terraform", version="1.11.4")
    with pytest.raises(mirror.NoMirror) as refused:
        mirror.find(configured="", data=tmp_path / "data", binary=binary, modules=modules)
    assert str(refused.value) == (
        "terraform 1.11.4 could not download providers: Error: no route to the registry Set TERRAFORM_PLUGIN_MIRROR "
        "to a folder that holds it, or let this machine reach the registry once."
    )


def test_the_usual_places_include_what_the_engines_own_configuration_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    add_provider(tmp_path / "company")
    add_provider(tmp_path / "home/.terraform.d/plugins")
    (tmp_path / "home/.terraformrc").write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tmp_path}/company"\n  }}\n}}\n'
    )
    places = list(mirror.usual_places({"HOME": str(tmp_path / "home")}))
    assert places[:2] == [tmp_path / "company", tmp_path / "home/.terraform.d/plugins"]
