"""Typed configuration: what a machine offers and how the work is laid over it, read from configs/*.yaml."""
