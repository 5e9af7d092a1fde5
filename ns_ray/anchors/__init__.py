"""Zero-inference anchor selection, from frame records alone."""
