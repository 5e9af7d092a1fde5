"""Picture quality."""
