"""Days of a real telephone centre, played through the services under a moved clock: ``make replay FILE=…``."""
