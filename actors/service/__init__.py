"""Streams that come and go: the manager, and what it places where."""
