"""``python -m config.migration_check``: models and migrations agree, and new migrations are safe for running code.

New are the migrations that the last release (git tag ``v…``) does not have. Their SQL is put together in the order in
which it will run and given to squawk, which thus sees what is a new table, where anything may be done, and what is not.
Needs PostgreSQL (the profile ``test`` is started for it).
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import django
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from config.checkout import ROOT
from config.services.database import with_database
from config.services.manager import Services

APPS = ("tenants", "agents", "routing", "reporting", "billing")
# Rules of taste, and those about what the migration's connection sets for every statement.
EXCLUDED = (
    "prefer-text-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-robust-stmts",
    "require-lock-timeout",
    "require-statement-timeout",
    "transaction-nesting",
)
CREATES = re.compile(r'^CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)', re.MULTILINE)
TABLE = re.compile(r'(?:ALTER TABLE|CREATE (?:UNIQUE )?INDEX\b.*?\bON) (?:ONLY )?"?(\w+)', re.DOTALL)


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def released_migrations() -> set[str]:
    """Paths of the migrations in the last release; none when there was no release yet."""
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    listed = _git("ls-tree", "-r", "--name-only", tag) if tag else None
    return {path for path in (listed or "").splitlines() if "/migrations/" in path}


def new_migrations() -> list[tuple[str, str]]:
    """App and name of each new migration, in the order in which they run."""
    loader = MigrationLoader(connections["owner"])
    released = released_migrations()
    order: list[tuple[str, str]] = []
    for leaf in loader.graph.leaf_nodes():
        order += [node for node in loader.graph.forwards_plan(leaf) if node not in order]
    paths = {node: f"{node[0]}/migrations/{node[1]}.py" for node in order if node[0] in APPS}
    return [node for node in order if node in paths and paths[node] not in released]


def sql_of(migrations: list[tuple[str, str]]) -> str:
    """The SQL of the migrations, one after the other."""
    output = io.StringIO()
    for app, name in migrations:
        call_command("sqlmigrate", app, name, database="owner", stdout=output)
    return output.getvalue()


def findings(sql: str) -> list[str]:
    """What squawk has against the SQL, but not about tables that the same SQL creates: nobody uses those yet."""
    target = ROOT / "var" / "lint" / "new-migrations.sql"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(sql)
    squawk = str(Path(sys.executable).with_name("squawk"))
    command: list[str] = [
        squawk,
        "--pg-version=15",
        f"--exclude={','.join(EXCLUDED)}",
        "--reporter=json",
        str(target),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("["):
        raise RuntimeError(f"squawk failed: {done.stderr}")
    new_tables, lines = set(CREATES.findall(sql)), sql.splitlines()
    found = []
    for finding in json.loads(done.stdout):
        statement = "\n".join(lines[: finding["line"] + 1]).rpartition(";\n")[2]
        named = TABLE.search(statement)
        if named is None or named[1] not in new_tables:
            help_ = finding["help"] or ""
            found.append(f"{target.name}:{finding['line'] + 1}: {finding['rule_name']}: {finding['message']} {help_}")
    return found


def main() -> int:
    """Exit status: 0 when all is well."""
    services = Services("test")
    urls = services.acquire()
    try:
        urls["DATABASE_URL"] = with_database(urls["DATABASE_URL"], "hotseat")
        os.environ.update(urls, DJANGO_SETTINGS_MODULE="config.settings")
        django.setup()
        call_command("makemigrations", *[app.label for app in apps.get_app_configs() if app.label in APPS], check=True)
        found = new_migrations()
        problems = findings(sql_of(found)) if found else []
        for problem in problems:
            print(problem)  # noqa: T201 - a command's output
        return 1 if problems else 0
    finally:
        services.release()


if __name__ == "__main__":
    sys.exit(main())
