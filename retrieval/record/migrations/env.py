"""Run by Alembic. The record hands its open connection over, so migrating and locking are one transaction."""

from __future__ import annotations

from alembic import context

from retrieval.record.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
