"""A telephone exchange in memory: its channels and bridges, the far ends that use it, its faults and its traffic.

`routing.switch.simulator` is the adapter in front of it. Nothing here knows contacts, agents or the database.
"""
