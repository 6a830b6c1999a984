"""The tables of the app queries."""
