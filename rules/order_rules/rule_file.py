"""Reads one rule file: YAML in, a checked model out, every refusal with file and line.

Scalars are read as they are written: the size ``06`` stays ``06``, the name ``NO`` is a name. What a field's type wants
to be a number or a yes or no, its model makes one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml import SafeLoader
else:
    # The one that libyaml parses for, where PyYAML was built with it: 3 ms for all rules of a start, not 50. Both read
    # the same from what both take; libyaml takes a tab for a blank, and refuses the key of `[a:]`.
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

M = TypeVar("M", bound=BaseModel)

KEPT_TAGS = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


class RulesError(Exception):
    """A rule file cannot be used. The message names file, line, what was found and what was expected."""


_KEPT_RESOLVERS = {
    first: [(tag, expression) for tag, expression in resolvers if tag in KEPT_TAGS]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}


class _AsWritten(SafeLoader):
    """Takes no plain scalar for a number, a date or a yes or no."""

    yaml_implicit_resolvers = _KEPT_RESOLVERS


class RuleFile(NamedTuple, Generic[M]):
    """A rule file that was read.

    Attributes:
        path: the file.
        rules: what it says.
        root: its YAML, to look lines up in; ``None`` for an empty file.
    """

    path: Path
    rules: M
    root: yaml.Node | None

    def refusal(self, place: tuple[int | str, ...], what: str) -> RulesError:
        """Make the error for a rule that clashes with another one.

        Args:
            place: keys and positions that lead to it.
            what: what was found and what to do.
        """
        return RulesError(f"{self.path}:{_line(self.root, place)}: {what}")


def read_rule_file(path: Path, model: type[M]) -> RuleFile[M]:
    """Read and check one rule file.

    Args:
        path: the YAML file.
        model: its model.

    Raises:
        RulesError: naming file and line, what was found and what was expected.
    """
    text = _text(path)
    try:
        root = yaml.compose(text, Loader=_AsWritten)
        # Bandit's S506 is about loaders that build any object: this one builds less than the safe one.
        content = yaml.load(text, Loader=_AsWritten)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        msg = f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}."
        raise RulesError(msg) from None
    if found := [f"{path}:{line}: {what}" for line, what in _repeated_keys(root, set())]:
        raise RulesError("\n".join(found))
    try:
        return RuleFile(path, model.model_validate({} if content is None else content), root)
    except ValidationError as error:
        findings = [
            f"{path}:{_line(root, finding['loc'])}: {'.'.join(str(p) for p in finding['loc']) or 'the file'}: "
            f"{finding['msg']} (found {finding['input']!r:.80})"
            for finding in error.errors()
        ]
        raise RulesError("\n".join(findings)) from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})."
        raise RulesError(msg) from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{path}:{line}: is not UTF-8 text (found the byte 0x{content[error.start]:02x}). Save it as UTF-8."
        raise RulesError(msg) from None


def _repeated_keys(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[int, str]]:
    """Find keys that a mapping has twice, of which YAML would silently keep the last: line and what to do."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))  # an anchor can lead back to itself
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item, seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[Any, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, line) != line:
                yield line, f"the key {key.value!r} stands in line {first[key.value]} already. Make one of the two."
            yield from _repeated_keys(value, seen)


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """Find the line, from 1, that a path of keys and positions leads to, as deep as the file goes."""
    line = 1
    for step in path:
        match node:
            case yaml.MappingNode():
                pair = next(((k, v) for k, v in node.value if k.value == str(step)), None)
                if pair is None:
                    return line
                line, node = pair[0].start_mark.line + 1, pair[1]
            case yaml.SequenceNode() if isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
            case _:
                return line
    return line
