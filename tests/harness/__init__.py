"""What the tests stand on: services, a database for each worker, cleaning."""
