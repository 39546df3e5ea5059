"""Which release of the product is this?"""

from __future__ import annotations

VERSION = "0.1.0"
"""The same as in pyproject.toml, which the image does not hold; a test compares."""
