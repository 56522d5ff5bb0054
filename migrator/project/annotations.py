"""What the author of a revision accepts: `# migrator: allow <hazard> because …` in its file."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

_ALLOW = re.compile(
    r"^\s*#\s*migrator:\s*allow\s+(?P<hazard>[\w-]+)\s+because\s+(?P<reason>\S.*?)\s*$",
    re.MULTILINE,
)


def allowed(path: str) -> dict[str, str]:
    """Give the hazards that a revision's author accepts, with the reasons."""
    with suppress(OSError, UnicodeDecodeError):  # compiled only
        text = Path(path).read_text(encoding="utf-8")
        return {found["hazard"]: found["reason"] for found in _ALLOW.finditer(text)}
    return {}
