"""Who wrote a turn, and what stays of what was forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Written out, not imported: this step stays what it was when the schema moves on.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
KNOWN = sa.text("sender IS NOT NULL")


def upgrade() -> None:
    """Add the column and create the table."""
    with op.batch_alter_table("turns") as table:
        table.add_column(sa.Column("sender", sa.Text()))
    op.create_index("ix_turns_sender", "turns", ["sender"], sqlite_where=KNOWN, postgresql_where=KNOWN)
    op.create_table(
        "tombstones",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("conversation_id", NUMBER, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_tombstones_conversation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
    )
    op.create_index("ix_tombstones_conversation_id", "tombstones", ["conversation_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("tombstones")
    op.drop_index("ix_turns_sender", "turns")
    with op.batch_alter_table("turns") as table:
        table.drop_column("sender")
