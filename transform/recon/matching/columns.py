"""The columns of the frames that matching takes and gives, in one place."""

from __future__ import annotations

from typing import Final

FIVE: Final = ("customer", "customer_po", "style", "color", "size")
"""The fields of a key, canonical."""
KEY_NEEDS: Final = ("customer_po", "style", "size")
"""A key that lacks one of these is incomplete: summed, but linked by no pass of equality."""
READING: Final = ("order_key_id", *FIVE, "customer_alt_po", "pattern_id", "alias_item", "color_code")
"""An order reading: an order key with one combination of the other names its lines go by."""
FULFILMENT: Final = ("fulfil_key_id", *FIVE, "rejected_order_key_id")
"""A fulfilment key, with the order keys that people ruled out for it, joined by a blank."""
OPEN_QTY: Final = "open_qty"
"""Units of a reading's order key that people have not linked; may be absent from the readings."""
FULFILLED_QTY: Final = "fulfilled_qty"
"""Units of a fulfilment key, packed and shipped; may be absent from the fulfilment."""

PARTS: Final = ("po", "style", "color", "size")
"""The compared fields, as columns of pairs begin: ``po_level``, ``po_points``."""
PAIR: Final = (
    "fulfil_key_id",
    "order_key_id",
    *(f"{part}_level" for part in PARTS),
    *(f"{part}_points" for part in PARTS),
    "compared_po",
    "compared_style",
    "compared_color",
    "linkable",
)
"""What a pass gives: levels by name, their points, the order's values that were compared, and whether the pair may
be linked; one that may not is still a candidate for a person."""

BLOCKS: Final = "blocks"
"""Where a frame of what was decided keeps what ``COMPARED`` names: an attribute, lost where frames are joined."""
COMPARED: Final = ("pairs", "cut", "left_out")
"""What the fuzzy pass counts: pairs it compared; fulfilment keys of which a block of candidates was too large and was
cut by a further field; those of which even that was too large, so that it was left out."""

DECIDED: Final = (
    "fulfil_key_id",
    "order_key_id",
    "match_type",
    "match_rule",
    "match_score",
    *(f"{part}_score" for part in PARTS),
    "best_match_field",
    "evidence",
    "runner_up_order_key_id",
    "runner_up_score",
    "candidates",
    "review_status",
    "decided_by",
)
"""What is known of a fulfilment key once it has been matched: ``recon_match`` without the fields of both sides."""
