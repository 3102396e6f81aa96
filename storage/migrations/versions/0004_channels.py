"""Events of channels before they are answered, deliveries of several kinds with a lease, and small states that last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Written out, not imported: this step stays what it was when the schema moves on.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


PENDING = sa.text("state = 'pending'")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    """Create the tables and add the columns."""
    op.create_table(
        "inbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", DOCUMENT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("channel", "event_id", name="uq_inbox_channel_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_state_id", "inbox", ["state", "id"])
    op.create_index("ix_inbox_channel_thread", "inbox", ["channel", "thread"])
    op.create_table(
        "states",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", DOCUMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_states"),
    )
    numbered = {"sqlite_autoincrement": True}  # a number that was given out is never given out again
    with op.batch_alter_table(
        "outbox", recreate="auto" if _is_postgresql() else "always", table_kwargs=numbered
    ) as table:
        table.add_column(sa.Column("kind", sa.Text(), nullable=False, server_default="reply"))
        table.add_column(sa.Column("error", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("leased_until", MOMENT))
    op.create_index(
        "ix_outbox_pending", "outbox", ["conversation_id", "id"], sqlite_where=PENDING, postgresql_where=PENDING
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_outbox_pending", "outbox")
    with op.batch_alter_table("outbox") as table:
        table.drop_column("leased_until")
        table.drop_column("error")
        table.drop_column("kind")
    op.drop_table("states")
    op.drop_table("inbox")
