"""DuetDB: one schema, two voices. A REST and a GraphQL interface generated from MongoDB metadata."""

__version__ = "0.1.0"
