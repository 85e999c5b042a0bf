"""Normal forms of POs, styles and colours: what is left when spelling that carries no meaning is taken off.

Every function takes one canonical text (upper case, blanks folded) and is applied to distinct values only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from order_rules.canonical import clean
from order_rules.config import Rules

_SEPARATORS = re.compile(r"\s*[-/_. ]\s*")
_NOT_WORD = re.compile(r"[\W_]+")
_SUFFIX = re.compile(r"(?P<base>.{3,}?)-(?P<suffix>\d{1,2}|[A-Z])")
_CODE_FIRST = re.compile(r"(?P<code>[A-Z]?\d{1,4}[A-Z]?)\s*[-/:. ]\s*(?P<name>[^\W\d_].*)")
_CODE_LAST = re.compile(
    r"(?P<name>[^\W\d_].*?)\s*(?:[-/:]\s*(?P<code>[A-Z]?\d{1,4}[A-Z]?)|\((?P<paren>[A-Z]?\d{1,4}[A-Z]?)\))"
)
_LAST_TOKEN = re.compile(r"(?P<style>.+?)[-/_. ](?P<token>[^-/_. ]+)")
_DIGIT = re.compile(r"\d")
_ZEROS = re.compile(r"^0+(?=[^\W_])")
LEAST_STYLE: Final = 3
"""Characters a style must keep when the colour code at its end is taken off."""


class Po(NamedTuple):
    """A PO taken apart.

    Attributes:
        base: the number without prefix, leading zeros and shipment suffix.
        suffix: the shipment suffix without leading zeros, ``""`` where there is none.
    """

    base: str
    suffix: str


class Color(NamedTuple):
    """A colour taken apart.

    Attributes:
        code: the code before or after the name without leading zeros, ``""`` where there is none.
        name: the name with abbreviations written out.
    """

    code: str
    name: str


class Normaliser:
    """The normal forms by the rules of ``matching.yml``."""

    def __init__(self, po_prefixes: Iterable[str], color_abbreviations: Mapping[str, Sequence[str]]) -> None:
        self._prefixes = tuple(po_prefixes)
        self._abbreviations = {
            short: name
            for color, shorts in color_abbreviations.items()
            if (name := clean(color))
            for text in shorts
            if (short := clean(text))
        }

    @classmethod
    def by_rules(cls, rules: Rules) -> Normaliser:
        """Take prefixes and abbreviations from the rules."""
        return cls(rules.matching.po_prefixes, rules.matching.color_abbreviations)

    @cached_property
    def _prefix(self) -> re.Pattern[str]:
        words = sorted(filter(None, map(clean, self._prefixes)), key=len, reverse=True)
        loose = (re.escape(word).replace(r"\.", r"\.?").replace(r"\ ", r"[ .]*") for word in words)
        word = f"(?:{'|'.join(loose)})" if words else "(?!)"
        between = r"[\s#:.\-_/]*"
        return re.compile(rf"(?:{word}(?![A-Z]){between}(?:(?:NUMBER|NO|NR)(?![A-Z]){between})?)?[\s#]*")

    def po(self, text: str) -> Po:
        """Take a PO apart: ``PO#0123-1`` is ``123`` with the suffix ``1``, ``P.O. 123`` is ``123``.

        A PO without any digit is left as it is, and so is one of which taking off the prefix leaves no digit. A
        suffix is one letter or at most two digits behind a separator and at least three other characters.

        Returns:
            Its parts.
        """
        rest = text[self._prefix.match(text).end() :]  # type: ignore[union-attr]  # the pattern matches nothing too
        if not _DIGIT.search(rest):
            return Po(text, "")
        rest = _without_zeros(_SEPARATORS.sub("-", rest))
        split = _SUFFIX.fullmatch(rest)
        if split is None or not _DIGIT.search(split["base"]):
            return Po(rest, "")
        return Po(split["base"], _without_zeros(split["suffix"]))

    def color(self, text: str) -> Color:
        """Take a colour apart: ``05 - NVY`` is ``NAVY`` with the code ``5``.

        Returns:
            Its parts.
        """
        matched = _CODE_FIRST.fullmatch(text) or _CODE_LAST.fullmatch(text)
        if matched is None:
            return Color("", self.color_name(text))
        found = matched.groupdict()
        code = found["code"] or found.get("paren") or ""
        return Color(_without_zeros(code), self.color_name(found["name"]))

    def color_name(self, text: str) -> str:
        """Write a colour's abbreviations out and drop its punctuation: ``NV/WHITE`` is ``NAVY WHITE``.

        A word that follows itself is dropped: ``BLK-BLACK`` is ``BLACK``.

        Returns:
            The name; the text itself where it holds no word.
        """
        if text in self._abbreviations:
            return self._abbreviations[text]
        words = [self._abbreviations.get(word, word) for word in _NOT_WORD.split(text) if word]
        return " ".join(word for word, before in zip(words, [None, *words], strict=False) if word != before) or text

    def bare_style(self, style: str, color: str | None, color_code: str | None) -> str | None:
        """Take a trailing colour code off a style: ``AB-1234-NVY`` in navy is ``AB1234``.

        Only what names the row's own colour is taken off: its code, its name or an abbreviation of it.

        Args:
            style: the style.
            color: the row's colour.
            color_code: the row's colour code, where the source has one.

        Returns:
            The plain style without the code, ``None`` where none stands at its end.
        """
        split = _LAST_TOKEN.fullmatch(style)
        if split is None:
            return None
        kept = plain_style(split["style"])
        if len(kept) < LEAST_STYLE or not self._names_color(split["token"], color, color_code):
            return None
        return kept

    def last_token(self, style: str) -> str:
        """Give what stands behind the last separator of a style.

        Returns:
            The token, ``""`` where the style has no separator.
        """
        split = _LAST_TOKEN.fullmatch(style)
        return split["token"] if split else ""

    def _names_color(self, token: str, color: str | None, color_code: str | None) -> bool:
        codes = {_without_zeros(color_code)} if color_code else set()
        if color:
            parts = self.color(color)
            codes |= {parts.code} if parts.code else set()
            if self.color_name(token) == parts.name:
                return True
        return _without_zeros(token) in codes


def plain_style(text: str) -> str:
    """Take punctuation and blanks out of a style.

    Returns:
        Letters and digits alone; the text itself where it holds none.
    """
    return _NOT_WORD.sub("", text) or text


def _without_zeros(text: str) -> str:
    return _ZEROS.sub("", text) if text.startswith("0") else text
