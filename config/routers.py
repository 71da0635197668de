"""Which database alias does what."""

from __future__ import annotations

from typing import Any


class OwnerMigrates:
    """Migrations run as the owner and as nobody else; which role reads and writes is said by scope, not guessed."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:  # noqa: ANN401 - Django passes anything
        """Whether a migration may run on that alias."""
        return db == "owner"

    def allow_relation(self, first: object, second: object, **hints: Any) -> bool:  # noqa: ANN401 - as above
        """All aliases are the same database."""
        return True
