"""Writes ``config/schemas/*.json`` from the rule models: ``python -m order_rules.schemas config``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from order_rules.config import json_schemas


def write_schemas(folder: Path) -> list[Path]:
    """Write every rule file's JSON schema.

    Args:
        folder: the ``config`` folder.

    Returns:
        The files written.
    """
    target = folder / "schemas"
    target.mkdir(exist_ok=True)
    written = []
    for name, schema in json_schemas().items():
        path = target / f"{name}.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
