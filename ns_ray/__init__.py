"""Neural video enhancement at scale: the library. It knows nothing of Ray."""
