"""The steps that brought the schema to where it stands, read by Alembic."""
