"""The words a made world speaks: customers, colours and size runs as an apparel maker's order lists have them."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = (
    "Alder", "Bramble", "Cobalt", "Dunlin", "Ember", "Foxglove", "Gannet", "Heath", "Inkwell", "Juniper", "Kestrel",
    "Linden", "Marlow", "Nettle", "Osier", "Petrel", "Quarry", "Rowan", "Sorrel", "Thistle", "Umber", "Vetch",
    "Willet", "Yarrow", "Zephyr",
)  # fmt: skip
LAST_NAMES: Final = ("& Pike", "Outfitters")
"""With every first name: 50 customers."""

PALETTE: Final = (
    "Black", "White", "Navy", "Heather Grey", "Charcoal", "Ivory", "Burgundy", "Khaki", "Olive Green", "Royal Blue",
    "Light Blue", "Dark Brown", "Forest Green", "Dusty Rose", "Mustard Yellow", "Burnt Orange", "Lavender",
    "Deep Purple", "Natural", "Sand", "Teal", "Coral", "Blush Pink", "Midnight Navy", "Washed Black", "Optic White",
    "Stone", "Camel", "Slate Grey", "Sage", "Rust", "Wine", "Cream", "Denim Blue", "Hot Pink", "Chocolate", "Mint",
    "Terracotta", "Steel Blue", "Grey Marl", "Oatmeal", "Plum", "Cherry Red", "Emerald", "Sky Blue", "Black/White",
    "Navy Stripe", "Ecru", "Moss", "Peach",
)  # fmt: skip

SIZE_RUNS: Final[tuple[tuple[str, ...], ...]] = (
    ("XS", "S", "M", "L", "XL", "XXL"),
    ("XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL"),
    ("S", "M", "L", "XL", "2XL/3XL"),
    ("1X", "2X", "3X"),
    ("32B", "32C", "32D", "34B", "34C", "34DD", "34DDD", "36C", "36DDD"),
    ("30x30", "30x32", "32x30", "32x32", "34x32", "36x32", "36x34"),
    ("06/XS", "08/S", "10/M", "12/L", "14/XL"),
    ("XS(2-4)", "S(6-8)", "M(10-12)", "L(14-16)"),
    ("0-3M", "3/6 MTHS", "6-9M", "9-12M", "12-18M"),
    ("2T", "3T", "4T", "5T"),
    ("3-4", "5-6", "7-8", "10-12", "12/13"),
    ("0w", "2w", "4w", "6w", "8w", "10w"),
    ("26", "27", "28", "29", "30", "31", "32", "34"),
    ("1Y", "2Y", "3Y", "4Y"),
    ("One_Sz",),
)
