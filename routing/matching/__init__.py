"""Matching: which waiting contact goes to which free slot. `decide` chooses, `run_pool` locks, checks and writes."""

from routing.matching.decide import FreeSlot, Pair, Waiting, decide
from routing.matching.run import MatchRunner, PoolTaken, run_pool
from routing.matching.sweep import pools_with_pairs, sweep

__all__ = ["FreeSlot", "MatchRunner", "Pair", "PoolTaken", "Waiting", "decide", "pools_with_pairs", "run_pool", "sweep"]
