"""The client: from a hybrid stream to pictures at high resolution, and to a film of them."""
