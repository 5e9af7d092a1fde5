"""The VP9 bitstream: superframes, frame headers and frame records."""
