"""The warehouse's schema, one step a file under ``versions``; ``recon migrate`` applies them."""

from __future__ import annotations

from typing import Final

HEAD: Final = "0007"
"""The last step's revision, known without loading Alembic; a test holds it to the files."""
