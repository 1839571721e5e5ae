"""Our pages obey the content security policy, and the icons they name exist."""

import re
from pathlib import Path

import pytest

from scripts import vendor_assets

ROOT = Path(__file__).resolve().parent.parent
MAIL = "*_mail.html"  # no page: a mail has no stylesheet and no policy
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if not path.match(MAIL))
HANDLER = re.compile(r"""\son[a-z]+\s*=\s*["']""", re.IGNORECASE)
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE)
MAILS = {"alert_mail.html"}  # shown by mail programs, which know styles within the text alone
STYLE = re.compile(r"""\sstyle\s*=|<style\b""", re.IGNORECASE)

needs_packages = pytest.mark.skipif(not vendor_assets.OUTLINES.is_dir(), reason="node_modules/ is not installed")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_holds_nothing_the_content_security_policy_refuses(template: Path) -> None:
    source = template.read_text()
    assert HANDLER.findall(source) == []
    assert INLINE_SCRIPT.findall(source) == []
    assert template.name in MAILS or STYLE.findall(source) == []
    assert "hx-on" not in source
    assert "javascript:" not in source


@needs_packages
def test_every_icon_named_anywhere_is_in_the_package() -> None:
    names = vendor_assets.icon_names()
    drawn = vendor_assets.sprite(names)
    assert {f'id="{name}"' for name in names if f'id="{name}"' not in drawn} == set()


@needs_packages
def test_an_unknown_icon_stops_the_build_and_is_named() -> None:
    with pytest.raises(SystemExit, match="no-such-icon"):
        vendor_assets.sprite({"server", "no-such-icon"})


def test_icon_names_are_found_in_templates_python_and_offerings(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text('{% icon "server" %} {% include "_empty.html" with icon="key" %}')
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "a.py").write_text('KIND_ICONS = {"vm": "box", "x": Look("Word", "ok", "circle")}\n')
    (tmp_path / "terraform_modules" / "aws").mkdir(parents=True)
    (tmp_path / "terraform_modules" / "aws" / "offering.toml").write_text('title = "x"\nicon = "bucket"\n')
    assert vendor_assets.icon_names(tmp_path) == {"server", "key", "box", "circle", "bucket"}


def test_a_sprite_holds_one_symbol_per_icon(tmp_path: Path) -> None:
    (tmp_path / "dot.svg").write_text('<svg xmlns="x" width="24">\n  <path d="M1 1" />\n</svg>')
    drawn = vendor_assets.sprite({"dot"}, tmp_path)
    assert drawn.count("<symbol") == 1
    assert '<path d="M1 1" />' in drawn
