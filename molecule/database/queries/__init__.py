"""An app whose tables are in a database of their own."""
