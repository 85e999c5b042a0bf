"""The fuzzy pass: what is alike, judged by the company it keeps, by quantities and by what else it could be.

One row's likeness proves little where POs and styles are sequential. People misspell a whole PO or style at once, so
the rows that go wrong in the same way are judged together; units that fit what an order has open are evidence, and
an order key may be shared by several spellings as far as its units go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from recon.frames import Flags, Ints, objects
from recon.matching import levels
from recon.matching.candidates import Blocked, candidates
from recon.matching.codes import MISSING
from recon.matching.company import Groups, group
from recon.matching.explain import Decision, Says, Seen
from recon.matching.forms import NO_QTY, CustomerRules, Forms, Sides
from recon.matching.learned import learn
from recon.matching.levels import PARTS
from recon.matching.likeness import grade
from recon.matching.passes import Pairs, Points, best_readings, compare, without_ruled_out

SURE: Final = 90.0
"""Links from here on are made first: they take their units before others are judged."""
ROUNDS: Final = 5
LEAST_MARGIN: Final = 6.0
"""Points by which the best order key must lead: odds of about 5 to 1. Nearer ones are a question."""
COLUMN: Final = {part: place for place, part in enumerate(PARTS)}


class Found(NamedTuple):
    """What the fuzzy pass found.

    Attributes:
        decision: the links.
        proposed: candidates of keys that stay unlinked.
        says: what was seen beside the fields of those.
        blocked: how many pairs were compared.
    """

    decision: Decision
    proposed: Pairs
    says: Says
    blocked: Blocked


def fuzzy_pass(sides: Sides, forms: Forms, open_: Flags, before: Sequence[Pairs], rules: CustomerRules) -> Found:
    """Link what is alike.

    Args:
        sides: both sides.
        forms: their normal forms.
        open_: which fulfilment keys are open.
        before: the links of the passes before.
        rules: the customer's rules.

    Returns:
        Links, and candidates of what stays a question.
    """
    met, blocked = candidates(sides, forms, open_, rules)
    graded = grade(sides, forms, compare(sides, forms, met, rules), learn(sides, before))
    pairs = best_readings(sides, without_ruled_out(sides, graded))
    state = _State.begin(sides, pairs, before, rules)
    state.judge()
    for bar in (*[SURE] * (ROUNDS - 2), rules.fuzzy_threshold, rules.fuzzy_threshold):
        if state.link(max(bar, rules.fuzzy_threshold)):
            # A link takes units and speaks for others that are misspelt alike; without one, all stays as it was judged.
            state.judge()
        elif bar < SURE:
            break
    return state.found(blocked)


class _State:
    """The pairs as they are judged round by round, and what is linked so far."""

    def __init__(self, sides: Sides, pairs: Pairs, groups: Groups, open_qty: Ints, rules: CustomerRules) -> None:
        self.sides = sides
        self.rules = rules
        self.groups = groups
        self.key = sides.key[pairs.reading]
        self.carton = pairs.carton
        count = len(pairs)
        level = np.zeros((count, len(PARTS)), dtype=np.int64)
        points = np.zeros((count, len(PARTS)))
        level[:, : pairs.level.shape[1]] = pairs.level
        points[:, : pairs.points.shape[1]] = pairs.points
        self.pairs = Pairs(pairs.carton, pairs.reading, level, points, pairs.field, pairs.linkable)
        self.open_qty = open_qty
        self.linked = np.zeros(count, dtype=bool)
        self.settled = np.zeros(len(sides.fulfil_key_ids), dtype=bool)
        self.rival = np.full(count, MISSING, dtype=np.int64)
        self.left = np.zeros(count, dtype=np.int64)
        self.row_units = np.zeros(count)

    @classmethod
    def begin(cls, sides: Sides, pairs: Pairs, before: Sequence[Pairs], rules: CustomerRules) -> _State:
        open_qty = sides.open_qty.copy()
        for links in before:
            units = sides.fulfilled_qty[links.carton]
            np.subtract.at(open_qty, sides.key[links.reading], np.where(units == NO_QTY, 0, units))
        open_qty[sides.open_qty == NO_QTY] = NO_QTY
        return cls(sides, pairs, group(sides, pairs, before), open_qty, rules)

    # --- judging ------------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Judge every pair whose fulfilment key is not linked yet."""
        live = ~self.settled[self.carton]
        self._weigh_units(live)
        told = self.pairs.level[:, COLUMN["quantity"]] != levels.number_of(levels.QTY_UNKNOWN)
        units = np.where(told, self.pairs.points[:, COLUMN["quantity"]], 0)
        company, number = self.groups.company(units, self.linked, self.settled)
        against = company < 0
        points = self.pairs.points
        points[live, COLUMN["company"]] = company[live]
        names = np.where(against, levels.number_of(levels.NO_COMPANY), levels.number_of(levels.COMPANY))
        self.pairs.level[live, COLUMN["company"]] = np.where(number > 0, names, 0)[live]
        for part in ("rival", "ceiling"):
            points[live, COLUMN[part]] = 0
            self.pairs.level[live, COLUMN[part]] = 0
        self._weigh_rivals(live)
        over = np.maximum(points.sum(axis=1) - levels.MOST, 0).round(2)
        capped = live & (over > 0)
        points[capped, COLUMN["ceiling"]] = -over[capped]
        self.pairs.level[capped, COLUMN["ceiling"]] = levels.number_of(levels.CEILING)

    def _weigh_units(self, live: Flags) -> None:
        ordered, open_qty = self.sides.open_qty[self.key], self.open_qty[self.key]
        brought = self.sides.fulfilled_qty[self.carton]
        over = brought - open_qty
        slack = np.maximum(ordered, 0) * self.rules.tolerance_pct / 100
        far = np.maximum(ordered, 0) * levels.SOMEWHAT_OVER
        unknown = (ordered == NO_QTY) | (brought == NO_QTY)
        choices = (
            (unknown, levels.QTY_UNKNOWN),
            ((over == 0) & (open_qty > 0), levels.QTY_EXACT),
            ((np.abs(over) <= slack) & (open_qty > 0), levels.QTY_NEAR),
            (over < 0, levels.QTY_PART),
            (over <= far, levels.QTY_SOMEWHAT_OVER),
            (open_qty > 0, levels.QTY_OVER),
        )
        holds = [holds for holds, _ in choices]
        rest = levels.QTY_NONE_OPEN
        level = np.select(holds, [levels.number_of(one) for _, one in choices], default=levels.number_of(rest))
        points = np.select(holds, [one.points for _, one in choices], default=rest.points)
        self.pairs.level[live, COLUMN["quantity"]] = level[live]
        self.pairs.points[live, COLUMN["quantity"]] = points[live]
        self.left[live] = open_qty[live]

    def _weigh_rivals(self, live: Flags) -> None:
        """Take off what the other order keys of a fulfilment key are worth together."""
        rows = np.flatnonzero(live)
        if not len(rows):
            return
        score = self.pairs.points[rows].sum(axis=1)
        order = np.lexsort((self.key[rows], -score, self.carton[rows]))
        rows, score = rows[order], score[order]
        odds = np.exp(np.minimum((score - levels.EVEN) / levels.POINTS_PER_E, 50))
        carton = self.carton[rows]
        first = np.searchsorted(carton, carton, "left")
        last = np.searchsorted(carton, carton, "right")
        _, place = np.unique(carton, return_inverse=True)
        total = np.bincount(place, weights=odds)[place]
        others = np.maximum(total - odds, 0)
        others[last - first == 1] = 0
        worth = -np.round(levels.POINTS_PER_E * np.log1p(others), 2)
        best = rows[first]
        second = rows[np.minimum(first + 1, last - 1)]
        self.rival[rows] = np.where(rows == best, np.where(second == best, MISSING, second), best)
        told = worth < 0
        self.pairs.points[rows, COLUMN["rival"]] = worth
        self.pairs.level[rows, COLUMN["rival"]] = np.where(told, levels.number_of(levels.RIVAL), 0)

    # --- linking ------------------------------------------------------------------------------------------------------

    def link(self, bar: float) -> int:
        """Link each key to its best order key, where that scores ``bar`` and its units go round.

        Returns:
            How many links were made.
        """
        score = self.pairs.score
        rows = np.flatnonzero(~self.settled[self.carton] & (score >= bar))
        if not len(rows):
            return 0
        order = np.lexsort((self.key[rows], -score[rows], self.carton[rows]))
        rows = rows[order]
        rows = rows[np.append(True, self.carton[rows][1:] != self.carton[rows][:-1])]
        rows = rows[self._lead(rows) >= LEAST_MARGIN]
        if not len(rows):
            return 0
        rows = rows[self._units_go_round(rows)]
        self.linked[rows] = True
        self.settled[self.carton[rows]] = True
        brought = self.sides.fulfilled_qty[self.carton[rows]]
        np.subtract.at(self.open_qty, self.key[rows], np.where(brought == NO_QTY, 0, brought))
        self.open_qty[self.sides.open_qty == NO_QTY] = NO_QTY
        return len(rows)

    def _units_go_round(self, rows: Ints) -> Flags:
        """Mark the links whose order key has units for them after better links of the same round."""
        made = np.ones(len(rows), dtype=bool)
        shared = np.flatnonzero(np.bincount(self.key[rows])[self.key[rows]] > 1)
        some = rows[shared]
        ids = objects(self.sides.fulfil_key_ids.iloc[self.carton[some]])
        order = np.lexsort((np.unique(ids, return_inverse=True)[1], -self.pairs.score[some], self.key[some]))
        key = self.key[some[order]]
        brought = self.sides.fulfilled_qty[self.carton[some[order]]]
        units = np.where(brought == NO_QTY, 0, brought)
        first = np.searchsorted(key, key, "left")
        sums = np.concatenate([[0], np.cumsum(units)])
        so_far = sums[1:] - sums[first]
        ordered, open_qty = self.sides.open_qty[key], self.open_qty[key]
        room = open_qty + np.maximum(ordered, 0) * levels.SOMEWHAT_OVER
        fits = (np.arange(len(key)) == first) | (ordered == NO_QTY) | (so_far <= room)
        made[shared[order]] = fits
        return made

    # --- telling ------------------------------------------------------------------------------------------------------

    def found(self, blocked: Blocked) -> Found:
        """Put what was linked and what stays a question together."""
        links = np.flatnonzero(self.linked)
        score = self.pairs.score
        rival = self.rival[links]
        pending = (score[links] < SURE) | (self._lead(links) < self.rules.review_margin)
        asked = np.flatnonzero(~self.settled[self.carton] & (score >= self.rules.review_from))
        decision = Decision(
            "FUZZY",
            self.pairs.take(links),
            rival,
            self.pairs,
            pending,
            self._says(links),
            self._says(np.arange(len(score))),
        )
        return Found(decision, self.pairs.take(asked), self._says(asked), blocked)

    def _lead(self, rows: Ints) -> Points:
        """Give by how many points pairs lead before what would be best without them."""
        rival = self.rival[rows]
        lead = self._without_rivals(rows) - self._without_rivals(np.maximum(rival, 0))
        return np.where(rival >= 0, lead, np.inf)

    def _without_rivals(self, rows: Ints) -> Points:
        points = self.pairs.points[rows]
        return np.asarray(points[:, : COLUMN["rival"]].sum(axis=1), dtype=np.float64)

    def _says(self, of: Ints) -> Says:
        def says(part: str, rows: Ints) -> list[Seen]:
            places = of[rows]
            match part:
                case "quantity":
                    return self._seen_units(places)
                case "company":
                    there, others = self.groups.there[places].tolist(), self.groups.others[places].tolist()
                    return [(f"{a} of them there", f"{b} other rows") for a, b in zip(there, others, strict=True)]
                case "rival":
                    ids = self.sides.order_key_ids[self.key[self.rival[places]]]
                    return [
                        (None if rival < 0 else one, None) for rival, one in zip(self.rival[places], ids, strict=True)
                    ]
                case _:
                    return [(None, None)] * len(places)

        return says

    def _seen_units(self, places: Ints) -> list[Seen]:
        ordered = self.sides.open_qty[self.key[places]].tolist()
        brought = self.sides.fulfilled_qty[self.carton[places]].tolist()
        left = self.left[places].tolist()
        return [
            (None if b == NO_QTY else f"{a} of {b} open", None if c == NO_QTY else str(c))
            for a, b, c in zip(left, ordered, brought, strict=True)
        ]
