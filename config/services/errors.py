"""What can go wrong with the services, in words for the person who started them."""


class ServiceError(Exception):
    """A service cannot be found, started or reached; the message says which, why and what to do."""
