"""What a method shows of a stream, frame by frame, against the original."""
