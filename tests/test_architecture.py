"""The rules of the house that a program can check."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "billing", "clouds", "provisioning")
OURS = (*APPS, "config", "sandbox", "scripts", "bench", "tests")
BELOW = {  # whom an app may know, besides itself
    "accounts": set(),
    "billing": {"accounts"},
    "clouds": {"accounts"},
    "provisioning": {"accounts", "billing", "clouds"},
}
MAX_FILE, MAX_FUNCTION = 400, 60  # lines
WRITTEN_BY_HAND = (".py", ".html", ".css", ".js", ".tf", ".toml", ".md", ".yaml")


def sources(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            is_made = {"vendor", "__pycache__", ".terraform", "data"} & set(path.relative_to(ROOT).parts)
            if path.suffix in suffixes and not is_made:
                yield path


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_of_ours_is_too_long() -> None:
    files = [*sources(*OURS, "templates", "static", "terraform_modules", "docs", suffixes=WRITTEN_BY_HAND)]
    files += [path for path in ROOT.glob("*") if path.suffix in WRITTEN_BY_HAND or path.name == "Makefile"]
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines >= MAX_FILE} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.name}": lines
        for path in sources(*OURS)
        if "migrations" not in path.parts
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION
    }
    assert long == {}


def test_imports_stand_at_the_top() -> None:
    """An import inside a function hides a dependency, most often a circular one."""
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(*APPS, "config", "sandbox")
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_no_foreign_key_points_at_an_app_above() -> None:
    """Relations may be declared by name, where import-linter does not see them."""
    upward = [
        f"{model._meta.label}.{field.name}"
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.get_fields(include_hidden=True)
        if field.is_relation and not field.auto_created and field.related_model
        if (there := field.related_model._meta.app_label) in APPS and there not in {app, *BELOW[app]}
    ]
    assert upward == []


@pytest.mark.parametrize("app", APPS)
def test_an_app_knows_only_those_below(app: str) -> None:
    strangers = {other for other in (*APPS, "config", "sandbox") if other != app} - BELOW[app]
    known = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(app)
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported(node)
        if name.split(".")[0] in strangers
    }
    assert known == set()


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module]
    return []


def test_the_terraform_wrapper_knows_no_django() -> None:
    known = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("provisioning/terraform")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported(node)
        if name.split(".")[0] in {"django", "rest_framework", *APPS, "config"}
        and not name.startswith("provisioning.terraform")
    ]
    assert known == []
