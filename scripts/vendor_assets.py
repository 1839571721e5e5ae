"""Copy what the pages use of the front-end packages into static/vendor/.

    python -m scripts.vendor_assets

Reads node_modules/ (run `npm ci` first). Writes Tabler's CSS and JS, ECharts, the Inter font with our own @font-face,
and one SVG sprite holding exactly the icons that templates and Python code name. Safe to run again at any time.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
OUTLINES = PACKAGES / "@tabler" / "icons" / "icons" / "outline"
APPS = ("accounts", "billing", "clouds", "config", "provisioning")

IN_TEMPLATES = re.compile(r"""(?:\{%\s*icon\s+|\bicon=)["']([a-z0-9-]+)["']""")
IN_OFFERINGS = re.compile(r"""^icon\s*=\s*["']([a-z0-9-]+)["']""", re.MULTILINE)
SOURCE_MAP = re.compile(r"(?:/\*|//)#\s*sourceMappingURL=\S+(?:\s*\*/)?\s*$")
SVG = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
BOUNDING_BOX = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'

FONT_FACE = """@font-face {{
  font-family: "Inter Variable";
  font-style: normal;
  font-display: swap;
  font-weight: 100 900;
  src: url("{file}") format("woff2-variations");
  unicode-range: {range};
}}
"""
FONT_RANGES = {
    "latin": "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+0304, U+0308, U+0329, "
    "U+2000-206F, U+20AC, U+2122, U+2191, U+2193, U+2212, U+2215, U+FEFF, U+FFFD",
    "latin-ext": "U+0100-02BA, U+02BD-02C5, U+02C7-02CC, U+02CE-02D7, U+02DD-02FF, U+1D00-1DBF, U+1E00-1E9F, "
    "U+1EF2-1EFF, U+2020, U+20A0-20AB, U+20AD-20C0, U+2113, U+2C60-2C7F, U+A720-A7FF",
}


def icon_names(root: Path = ROOT) -> set[str]:
    """Every icon named by ``{% icon "x" %}``, ``icon="x"``, an ``ICONS`` constant in Python or an offering.toml."""
    names: set[str] = set()
    for template in (root / "templates").rglob("*.html"):
        names.update(IN_TEMPLATES.findall(template.read_text()))
    for app in APPS:
        for module in (root / app).rglob("*.py"):
            names.update(_constants(module))
    for offering in (root / "terraform_modules").rglob("offering.toml"):
        names.update(IN_OFFERINGS.findall(offering.read_text()))
    return names


def _constants(module: Path) -> Iterator[str]:
    """The names in module-level ``...ICONS = ...``: of a dict its values, of a call its last argument."""
    source = module.read_text()
    if "ICONS" not in source:
        return
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id.endswith("ICONS") for target in targets):
            yield from _strings(getattr(node, "value", None))


def _strings(node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(name)):
            yield name
        case ast.Dict(values=parts) | ast.Set(elts=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _strings(part)
        case ast.Call(args=[*_, last]):
            yield from _strings(last)


def sprite(names: set[str], outlines: Path = OUTLINES) -> str:
    """One SVG with a <symbol> per icon. Raises SystemExit naming the icons Tabler does not have."""
    unknown = sorted(name for name in names if not (outlines / f"{name}.svg").exists())
    if unknown:
        raise SystemExit(f"Not in @tabler/icons: {', '.join(unknown)}")
    symbols = [_symbol(name, (outlines / f"{name}.svg").read_text()) for name in sorted(names)]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _symbol(name: str, svg: str) -> str:
    match = SVG.search(svg)
    if match is None:
        raise SystemExit(f"{name}.svg is not an SVG file")
    shapes = " ".join(match[1].replace(BOUNDING_BOX, "").split())
    stroke = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" viewBox="0 0 24 24" {stroke}>{shapes}</symbol>'


def copy_tabler() -> None:
    dist = PACKAGES / "@tabler" / "core" / "dist"
    for source in (dist / "css" / "tabler.min.css", dist / "js" / "tabler.min.js"):
        (VENDOR / source.name).write_text(SOURCE_MAP.sub("", source.read_text().rstrip()) + "\n")


def copy_charts() -> None:
    """For the pages that have a chart."""
    source = PACKAGES / "echarts" / "dist" / "echarts.min.js"
    (VENDOR / source.name).write_text(SOURCE_MAP.sub("", source.read_text().rstrip()) + "\n")


def copy_font() -> None:
    faces = []
    for subset, unicode_range in FONT_RANGES.items():
        file = f"inter-{subset}-wght-normal.woff2"
        source = PACKAGES / "@fontsource-variable" / "inter" / "files" / file
        (VENDOR / file).write_bytes(source.read_bytes())
        faces.append(FONT_FACE.format(file=file, range=unicode_range))
    (VENDOR / "inter.css").write_text("".join(faces))


def main() -> None:
    if not PACKAGES.is_dir():
        raise SystemExit("node_modules/ is missing: run `npm ci --ignore-scripts` first")
    VENDOR.mkdir(parents=True, exist_ok=True)
    names = icon_names()
    copy_tabler()
    copy_charts()
    copy_font()
    (VENDOR / "icons.svg").write_text(sprite(names))
    sys.stdout.write(f"static/vendor: Tabler, Inter, ECharts and {len(names)} icons\n")


if __name__ == "__main__":
    main()
