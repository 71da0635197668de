"""Hotseat's tests: real PostgreSQL, real Valkey, real sockets; committed data under the same roles as in production."""
