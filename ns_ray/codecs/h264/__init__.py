"""H.264: frame facts and motion from the bitstream alone (ITU-T H.264, references are to its 2021 edition)."""
