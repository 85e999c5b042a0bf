"""Writes every golden output anew: ``python mappers/mapper-orders/tests/golden/regenerate.py``.

Run it when the mapper is meant to answer otherwise, and read the difference line by line before you keep it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

GOLDEN = Path(__file__).parent


def main() -> None:
    """Replay each ``<behaviour>.in.singer`` through the mapper into ``<behaviour>.out.singer``."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.json"
        settings.write_text(json.dumps({"rules_path": str(GOLDEN.parent / "config")}), encoding="utf-8")
        command = [sys.executable, "-m", "mapper_orders.mapper", "--config", str(settings), "--input"]
        for messages in sorted(GOLDEN.glob("*.in.singer")):
            answer = messages.with_name(messages.name.replace(".in.", ".out."))
            with answer.open("wb") as out:
                subprocess.run([*command, str(messages)], stdout=out, stderr=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
