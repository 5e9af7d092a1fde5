"""The published step 5: its modes, and what its files call what methods gain."""

FRAMES = {"test": 360, "eval-small": 3000, "eval": 32400}
"""Shown frames by published mode."""
PUBLISHED_KEYS = {"per-frame": "Per-frame", "selective": "Selective", "engorgio": "Selective"}
"""What the gain is called in the published files; the last one is a slip that is kept."""
