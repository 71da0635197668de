"""The match-request port: lower apps say which pools may have gained a pair; `config` wires in who matches them."""

from collections.abc import Callable
from uuid import UUID

from tenants.scope import Scope, after_commit, current_scope

PoolRunner = Callable[[frozenset[UUID]], None]
HintSender = Callable[[frozenset[str]], None]

_runner: PoolRunner | None = None
_sender: HintSender | None = None


def wire(*, run_pools: PoolRunner, send_hints: HintSender) -> None:
    """Set what runs matching passes and what wakes other processes. Called once, at start-up."""
    global _runner, _sender
    _runner, _sender = run_pools, send_hints


def request_match(pool: UUID) -> None:
    """Have the pool (a tenant's agents) matched as soon as the open scope has committed."""
    current_scope().pools.add(pool)


def hint(channel: str) -> None:
    """Wake whoever listens on `channel` after the commit. Only a hint: every listener also looks by itself."""
    current_scope().hints.add(channel)


def follow_commit(scope: Scope) -> None:
    """Send the hints and run the passes that the scope asked for."""
    if scope.hints and _sender:
        _sender(frozenset(scope.hints))
    if scope.pools and _runner:
        _runner(frozenset(scope.pools))


after_commit(follow_commit)
