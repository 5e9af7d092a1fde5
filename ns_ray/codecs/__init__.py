"""Codecs that streams come in: their frames and motion, read without decoding a pixel."""
