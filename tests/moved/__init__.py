"""The services on PostgreSQL under a clock that stands still until it is moved: days of calls in minutes."""
