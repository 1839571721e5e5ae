"""Versions on the shelf for tests: the released modules, and made-up ones."""

import shutil
from pathlib import Path

from django.conf import settings

from clouds import catalogue
from clouds.models import OfferingVersion

SMALL = {"region": "eu-west-1", "size": "small"}  # all a machine needs


def load() -> dict[str, OfferingVersion]:
    """The released modules, by offering id."""
    return {version.offering_id: version for version in catalogue.load(settings.TERRAFORM_MODULES)}


def copy_of(offering: str, directory: Path, *, version: str = "1.0.0", provider: str = "aws") -> Path:
    """A copy of a released module below ``directory``, to be changed."""
    kind = offering.partition("/")[2]
    target = directory / provider / kind / version
    shutil.copytree(settings.TERRAFORM_MODULES / offering / "1.0.0", target)
    return target


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new), "utf-8")
