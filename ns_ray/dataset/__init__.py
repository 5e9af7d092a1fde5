"""The dataset: its list, downloads, and videos cut and encoded at the published settings."""
