"""Ways to enhance streams, by name."""

METHODS = {
    "neuroscaler": ("EDSR_B8_F32_S3", "fraction", 0.075),
    "selective": ("EDSR_B8_F32_S3", "uniform", 0.2),
    "per-frame": ("EDSR_B8_F16_S3", "per-frame", 1.0),
}
"""Published settings of each: model, policy, fraction of anchors."""
