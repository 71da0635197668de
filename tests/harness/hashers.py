"""A password hasher for tests: PBKDF2 with one round, whose hashes the site's own hashers can check too."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Not for secrets."""

    iterations = 1
