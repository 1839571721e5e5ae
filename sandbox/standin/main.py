"""Start one stand-in provider: `python -I .../standin/main.py azurerm|google`, as Terraform does through a launcher.

Started by path, the folder is made importable as the package that it is, wherever it was copied.
"""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in {"azurerm", "google"}:
        print("usage: main.py azurerm|google", file=sys.stderr)
        return 2
    handshake = importlib.import_module(f"{FOLDER.name}.handshake")
    if not handshake.is_started_by_terraform():
        print("This program is a plugin: Terraform starts it, people do not.", file=sys.stderr)
        return 1
    service = importlib.import_module(f"{FOLDER.name}.service")
    handshake.serve(service.server(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.path.append(str(FOLDER.parent))
    sys.exit(main())
