"""The hybrid stream: the original video beside compressed anchors."""
