"""Pictures: YUV planes and their colours."""
