"""When the theory's days begin. No part of the result; written down so that a run can be repeated to the last row."""

from datetime import UTC, datetime

START = datetime(2026, 3, 2, tzinfo=UTC)
