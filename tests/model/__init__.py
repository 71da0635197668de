"""The protocol model of ``docs/model`` is checked by ``make model``."""
