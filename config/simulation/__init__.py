"""Simulated people at the demo's desks: `temperament` decides what an agent does next, `office` sees and does it.

They use the same services as real people and keep nothing in memory that cannot be seen in the database, so one run
can take over from another at any point.
"""
