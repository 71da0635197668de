"""The demo: a provider with a public number, three enterprises with their people, and what simulated callers do.

`enterprises` says who there is, `flows` what callers hear, `build` makes it in the database, `passwords` keeps the
secrets, `story` writes `var/demo.json` and `var/simulation.json`.
"""
