"""How one text may have become another: the ways of misspelling, told for distinct pairs of texts.

General edits only, no list of known mistakes: what people do to a number or a word has few forms, and what has none of
them is told by the company it keeps.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA, Indel

from recon.frames import Flags, Ints, Objects
from recon.matching import levels
from recon.matching.levels import Spelling

_NOT_WORD: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(r"\d+")
_LOOKS_LIKE: Final = str.maketrans("OQDILSBZ", "00011582")
LEAST_TOLD: Final = 4
"""Signs of a number in which one wrong still leaves it to be told, or in a longer text."""
LEAST_FOR_TWO: Final = 6
"""Signs of a text in which two wrong ones still leave a likeness."""
ALIKE_FROM: Final = 0.5
NEIGHBOURHOOD: Final = 40
"""How far a number may lie from real ones and still be the next of their kind."""
NEIGHBOURS: Final = 2
"""How many real numbers must lie there, beside the one it may be a misspelling of."""
FEW: Final = 5
"""Up to so many numbers, how densely a customer gives them is not known."""


def plain(text: str) -> str:
    """Leave letters and digits of a text; the text itself where it has none."""
    return _NOT_WORD.sub("", text) or text


def way(carton: str, order: str) -> Spelling:
    """Tell how the order's number may have become the carton's.

    Args:
        carton: a PO or style as the carton has it.
        order: another, as the order has it.

    Returns:
        The way; ``UNLIKE`` where there is none.
    """
    mine, seen = _spelt(carton)
    theirs, meant = _spelt(order)
    if seen == meant:
        return levels.LOOKS_ALIKE
    distance = OSA.distance(mine, theirs, score_cutoff=2)
    if (seen != mine or meant != theirs) and (folded := OSA.distance(seen, meant, score_cutoff=2)) < distance:
        mine, theirs, distance = seen, meant, folded
    shorter = min(len(mine), len(theirs))
    if distance == 1 and shorter >= LEAST_TOLD:
        return _one_sign(mine, theirs)
    if shorter >= LEAST_TOLD and (mine in theirs or theirs in mine):
        return levels.CONTAINED
    if distance == 2 and shorter >= LEAST_FOR_TWO:  # noqa: PLR2004  (two signs)
        return levels.TWO_SIGNS
    return levels.ALIKE if _is_alike(mine, theirs) else levels.UNLIKE


@lru_cache(maxsize=20_000)
def _spelt(text: str) -> tuple[str, str]:
    """Give letters and digits of a text, and these with signs that look alike made one."""
    signs = plain(text)
    return signs, _folded(signs)


def _folded(text: str) -> str:
    return text.translate(_LOOKS_LIKE).lstrip("0")


def _one_sign(mine: str, theirs: str) -> Spelling:
    if len(mine) != len(theirs):
        return levels.DROPPED if len(mine) < len(theirs) else levels.ADDED
    differing = [(a, b) for a, b in zip(mine, theirs, strict=True) if a != b]
    if len(differing) > 1:
        return levels.SWAPPED
    return levels.DIGIT if all(sign.isdigit() for sign in differing[0]) else levels.LETTER


def _is_alike(mine: str, theirs: str) -> bool:
    """Whether texts of one length or nearly so share most signs in their order, beyond a common beginning."""
    start = 0
    for a, b in zip(mine, theirs, strict=False):
        if a != b:
            break
        start += 1
    rest = mine[start:], theirs[start:]
    return min(map(len, rest)) > 1 and Indel.normalized_similarity(*rest) > ALIKE_FROM


def color_way(carton: str, order: str) -> Spelling:
    """Tell how the order's colour may have become the carton's: misspelt, shortened, or a word more or less.

    Returns:
        The way; ``UNLIKE`` where there is none.
    """
    mine, theirs = _words(carton), _words(order)
    whole, meant = "".join(mine), "".join(theirs)
    if sorted(mine) == sorted(theirs) or whole.translate(_LOOKS_LIKE) == meant.translate(_LOOKS_LIKE):
        return levels.LOOKS_ALIKE
    if _shortens(mine, theirs) or _shortens(theirs, mine):
        return levels.SHORTENED
    shorter = min(len(whole), len(meant))
    distance = OSA.distance(whole, meant, score_cutoff=2)
    if distance == 1 and shorter > 2:  # noqa: PLR2004  (of a word of two letters, one wrong leaves nothing)
        found = _one_sign(whole, meant)
        return levels.ALIKE if found == levels.DIGIT else found
    if len(mine) == len(theirs) and all(_is_near_word(a, b) for a, b in zip(mine, theirs, strict=True)):
        return levels.TWO_SIGNS
    if set(mine) & set(theirs) or (distance == 2 and shorter >= LEAST_FOR_TWO):  # noqa: PLR2004  (two signs)
        return levels.ALIKE
    return levels.UNLIKE


def _is_near_word(mine: str, theirs: str) -> bool:
    """Whether a word is the other, shortened or with one sign wrong."""
    near_enough = min(len(mine), len(theirs)) > 2 and OSA.distance(mine, theirs, score_cutoff=1) <= 1  # noqa: PLR2004
    return mine == theirs or near_enough or _leaves_out(mine, theirs) or _leaves_out(theirs, mine)


@lru_cache(maxsize=5_000)
def _words(text: str) -> list[str]:
    return [word for word in _NOT_WORD.split(text) if word] or [text]


def _shortens(short: list[str], long: list[str]) -> bool:
    """Whether each word, or all of them together, leaves letters out of the other's and keeps the first."""
    if len(short) == len(long):
        pairs = list(zip(short, long, strict=True))
        return all(a == b or _leaves_out(a, b, 1) for a, b in pairs) and any(_leaves_out(a, b) for a, b in pairs)
    # A word that is one of the other's is that word, not all of them shortened.
    return len(short) == 1 and short[0] not in long and _leaves_out(short[0], "".join(long))


def _leaves_out(short: str, long: str, least: int = 2) -> bool:
    """Whether a word is the other without at least so many letters, the first kept.

    A misspelling leaves one letter out; whoever shortens leaves out more.
    """
    if not 1 < len(short) <= len(long) - least or short[0] != long[0]:
        return False
    signs = iter(long)
    return all(sign in signs for sign in short)


def size_way(carton: str, order: str) -> Spelling:
    """Tell whether two sizes read the same: the same numbers, and letters that say the same or nothing.

    How alike their signs are says nothing of sizes: ``XL`` and ``XXL`` are two.

    Returns:
        ``READ_AS``; ``ANOTHER`` where both are plain sizes and differ; else ``UNLIKE``.
    """
    numbers, letters = _size_parts(carton)
    their_numbers, their_letters = _size_parts(order)
    plain_sizes = _PLAIN_SIZE.fullmatch(carton) and _PLAIN_SIZE.fullmatch(order)
    if plain_sizes and (numbers, letters) != (their_numbers, their_letters):
        return levels.ANOTHER
    if numbers != their_numbers:
        return levels.UNLIKE
    if numbers:
        return levels.READ_AS if letters == their_letters or not letters or not their_letters else levels.UNLIKE
    return levels.READ_AS if letters == their_letters != "" else levels.UNLIKE


def _size_parts(text: str) -> tuple[list[int], str]:
    """Give a size's numbers, and its letters: units by one name, ``XXLG`` and ``XXL`` both ``XXL``."""
    signs = _BETWEEN_NUMBERS.sub(" ", text)
    numbers = sorted(int(number) for number in _NUMBER.findall(signs))
    letters = "".join(_UNITS.get(word, word) for word in re.findall(r"[A-Z]+", signs) if word not in _NOT_UNITS)
    made = _LARGER.fullmatch(letters)
    return numbers, f"{made[1]}{made[2][0]}" if made else letters


_PLAIN_SIZE: Final = re.compile(r"\d+|\d*X*[SML]")
_BETWEEN_NUMBERS: Final = re.compile(r"(?<=\d)X(?=\d)")
_LARGER: Final = re.compile(r"(X*)(SM?|SML|SMALL|MD|MED|MEDIUM|LG?|LRG|LARGE)")
_UNITS: Final = {"AGE": "Y", "YR": "Y", "YRS": "Y", "MTHS": "M", "MTH": "M", "MOS": "M", "MO": "M"}
_NOT_UNITS: Final = frozenset({"US", "EU", "UK", "SIZE", "SZ"})


class Numbering:
    """The numbers in a customer's own texts, to tell one that could as well be the next of them."""

    def __init__(self, texts: Objects, own: Ints) -> None:
        """Take all texts apart.

        Args:
            texts: texts by number.
            own: which of them are the customer's own.
        """
        kinds: dict[tuple[str, str], int] = {}
        parts = [_parts(text) for text in texts]
        # Numbers of one kind stand apart from those of another by more than a neighbourhood.
        self._kind = np.array([-1 if one is None else kinds.setdefault(one[:2], len(kinds)) for one in parts])
        self._number = np.array([0 if one is None else one[2] for one in parts], dtype=np.float64)
        with_number = own[self._kind[own] >= 0]
        self._own = np.unique(np.stack([self._kind[with_number], self._number[with_number]]), axis=1)

    def could_be_next(self, carton: Ints, order: Ints) -> Flags:
        """Tell which texts stand among the customer's own numbers, where an order may be that nobody entered.

        Args:
            carton: texts by number, none of the customer's own.
            order: those of its own that they may be misspellings of, which are not counted.
        """
        if not len(carton):
            return np.zeros(0, dtype=bool)
        distinct, place = np.unique(carton, return_inverse=True)
        near_by = np.zeros(len(distinct), dtype=np.int64)
        # A loop over the distinct kinds of numbers: most customers have one or two.
        for kind in np.unique(self._kind[distinct]).tolist():
            if kind < 0:
                continue
            mine = np.flatnonzero(self._kind[distinct] == kind)
            there = self._own[1][self._own[0] == kind]
            asked = self._number[distinct[mine]]
            high = np.searchsorted(there, asked + NEIGHBOURHOOD, "right")
            near_by[mine] = high - np.searchsorted(there, asked - NEIGHBOURHOOD, "left")
        same_kind = (self._kind[carton] == self._kind[order]) & (order >= 0)
        itself = same_kind & (np.abs(self._number[carton] - self._number[order]) <= NEIGHBOURHOOD)
        # Of a customer with hardly any numbers nobody can tell how densely they are given.
        few = np.bincount(self._own[0].astype(np.int64), minlength=1) <= FEW
        unknown = itself & few[np.minimum(np.maximum(self._kind[order], 0), len(few) - 1)]
        return np.asarray((near_by[place] - itself >= NEIGHBOURS) | unknown, dtype=bool)


def _parts(text: str) -> tuple[str, str, int] | None:
    """Take a text apart at its longest number, the last of equals: what stands before, behind, and the number."""
    if text.isdecimal():
        return "", "", int(text)
    runs = list(_NUMBER.finditer(text))
    if not runs:
        return None
    run = max(runs, key=lambda one: (len(one[0]), one.start()))
    return plain(text[: run.start()]), plain(text[run.end() :]), int(run[0])


def near(carton: Objects, order: Objects) -> tuple[Ints, Ints]:
    """Find the texts of both sides that are one edit apart, by what is left when a sign is taken out.

    Texts that share a shortened form differ in one sign, in two neighbours swapped, or in two signs at most. Nothing
    is compared with everything: memory and time grow with the texts, not with their pairs.

    Args:
        carton: distinct texts.
        order: distinct texts.

    Returns:
        Positions in ``carton`` and in ``order``, pair by pair.
    """
    shortened: dict[str, list[int]] = {}
    asked: dict[str, set[int]] = {}
    for place, text in enumerate(carton):
        for form in _shortened(text):
            asked.setdefault(form, set()).add(place)
    for place, text in enumerate(order):
        for form in _shortened(text):
            if form in asked:
                shortened.setdefault(form, []).append(place)
    pairs = {(mine, theirs) for form, places in shortened.items() for theirs in places for mine in asked[form]}
    made = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return made[:, 0], made[:, 1]


def _shortened(text: str) -> set[str]:
    """Give a text's folded form and all that lack one sign of it."""
    folded = _folded(plain(text))
    if len(folded) < LEAST_TOLD:
        return set()
    return {folded, *(folded[:place] + folded[place + 1 :] for place in range(len(folded)))}
