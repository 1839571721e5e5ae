"""``terraform fmt`` over the catalogue: ``python -m scripts.format_modules [--check]``. OpenTofu does as well."""

import shutil
import subprocess
import sys
from pathlib import Path

MODULES = Path(__file__).resolve().parent.parent / "terraform_modules"


def main() -> int:
    engine = shutil.which("terraform") or shutil.which("tofu")
    if engine is None:
        print("Neither terraform nor tofu on PATH: the modules' format was not looked at.", file=sys.stderr)
        return 0
    check = ["-check", "-diff"] if "--check" in sys.argv else []
    return subprocess.run([engine, "fmt", "-recursive", *check, str(MODULES)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
