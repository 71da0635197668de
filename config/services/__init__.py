"""PostgreSQL and Valkey with nothing installed: found, started, adopted and stopped for one checkout.

``python -m config.services up|down|status|env|prepare [--profile run|test]``. Where a service comes from: its URL in
the environment, else the system's own programs, else the wheels of the virtual environment.
"""
