"""DuetDB: one schema, two voices. REST and GraphQL over MongoDB, generated from its metadata."""

__version__ = "0.1.0"
