"""Secrets of API keys."""

import hashlib
import secrets


def hash_secret(secret: str) -> str:
    """Return what is kept of a key's secret. The secret has 256 random bits, so a fast hash cannot be searched back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> tuple[str, str]:
    """Return a new key's public prefix and its secret."""
    return secrets.token_hex(5), secrets.token_urlsafe(32)
