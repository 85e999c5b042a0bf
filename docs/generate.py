"""Writes ``docs/plugins/*.md`` from what the plugins say of themselves: ``python docs/generate.py``.

Taps, mapper and target describe themselves by ``--about``, recon and reports by their commands' help texts. A test
holds the pages to the programs.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, cast

import click

DOCS = Path(__file__).resolve().parent
SINGER = {
    "tap-sharepoint-orders": "tap_sharepoint_orders.tap:TapSharePointOrders",
    "tap-wms": "tap_wms.tap:TapWMS",
    "mapper-orders": "mapper_orders.mapper:MapperOrders",
    "target-mssql": "target_mssql.target:TargetMSSQL",
}
COMMANDS = {"recon": ("recon.cli:main", "recon"), "reports": ("order_reports.cli:cli", "order-reports")}
NOTE = "<!-- Written by docs/generate.py: change the program's texts, then run `make docs`. -->"


def _load(reference: str) -> Any:  # noqa: ANN401  (a plugin class or a click command)
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def singer_page(name: str) -> str:
    """Describe a Singer plugin: its text, its streams' settings as Meltano passes them.

    Args:
        name: the plugin's name.

    Returns:
        The page as Markdown.
    """
    plugin = _load(SINGER[name])
    schema = plugin.config_jsonschema["properties"]
    prefix = name.replace("-", "_").upper()
    lines = [f"# {name}", "", NOTE, "", " ".join((plugin.__doc__ or "").split()), ""]
    lines += ["| setting | variable | default | what it does |", "|---|---|---|---|"]
    for setting, described in schema.items():
        default = described.get("default")
        shown = f"`{_cell(default)}`" if default is not None else ""
        text = _cell(described.get("description", ""))
        secret = " Secret." if described.get("secret") else ""
        lines.append(f"| `{setting}` | `{prefix}_{setting.upper()}` | {shown} | {text}{secret} |")
    return "\n".join(lines) + "\n"


def command_page(name: str) -> str:
    """Describe a command-line program: each command's help text.

    Args:
        name: the plugin's name.

    Returns:
        The page as Markdown.
    """
    reference, program = COMMANDS[name]
    group = cast("click.Group", _load(reference))
    lines = [f"# {name}", "", NOTE, ""]
    context = click.Context(group, info_name=program, max_content_width=100)
    lines += ["```", group.get_help(context), "```", ""]
    for command_name in group.list_commands(context):
        command = group.get_command(context, command_name)
        if command is None:
            continue
        child = click.Context(command, info_name=command_name, parent=context, max_content_width=100)
        lines += [f"## {program} {command_name}", "", "```", command.get_help(child), "```", ""]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Write every page.

    Returns:
        File name to content.
    """
    singer = {f"{name}.md": singer_page(name) for name in SINGER}
    return singer | {f"{name}.md": command_page(name) for name in COMMANDS}


def main() -> int:
    """Write the pages beside this program; with ``--check`` only say which are not as they should be.

    Returns:
        The exit code: 1 where ``--check`` found a page to write anew.
    """
    folder = DOCS / "plugins"
    folder.mkdir(exist_ok=True)
    stale = 0
    for name, content in pages().items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        stale += 1
        print(f"docs/plugins/{name}", file=sys.stderr)
        if "--check" not in sys.argv:
            path.write_text(content, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
