"""The match-request port: lower apps say which pools may have gained a pair; `config` wires in who matches them."""

from collections.abc import Callable
from uuid import UUID

from tenants.scope import Scope, after_commit, before_commit, current_scope

PoolRunner = Callable[[frozenset[UUID]], None]
ScopeRunner = Callable[[Scope], None]
HintSender = Callable[[frozenset[str]], None]

_runner: PoolRunner | None = None
_within: ScopeRunner | None = None
_sender: HintSender | None = None


def wire(*, run_pools: PoolRunner, send_hints: HintSender, run_within: ScopeRunner | None = None) -> None:
    """Set what runs matching passes and what wakes other processes. Called once, at start-up.

    `run_within` may run passes that an open scope asks for in the scope itself, at its end, and strike them off its
    list; `run_pools` gets what is left, after the commit.
    """
    global _runner, _within, _sender
    _runner, _within, _sender = run_pools, run_within, send_hints


def request_match(pool: UUID) -> None:
    """Have the pool (a tenant's agents) matched with what the open scope commits."""
    current_scope().pools.add(pool)


def hint(channel: str) -> None:
    """Wake whoever listens on `channel` after the commit. Only a hint: every listener also looks by itself."""
    current_scope().hints.add(channel)


def precede_commit(scope: Scope) -> None:
    """Run the passes that can be part of the scope."""
    if scope.pools and _within:
        _within(scope)


def follow_commit(scope: Scope) -> None:
    """Send the hints and run the other passes that the scope asked for."""
    if scope.hints and _sender:
        _sender(frozenset(scope.hints))
    if scope.pools and _runner:
        _runner(frozenset(scope.pools))


before_commit(precede_commit)
after_commit(follow_commit)
