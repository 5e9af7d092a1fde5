"""Ray actors: thin wraps of library objects that own placement, queues and recovery."""
