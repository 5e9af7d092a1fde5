"""How soon a Ray notices that a node has died."""

NODE_CHECKS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "300",
    "RAY_health_check_failure_threshold": "3",
}
"""Environment of a head that notices within a second that a node's raylet has died.

By default that takes Ray 15 s, in which streams whose host was there have no anchors. A node that does not answer, as
it is busy or cut off, still has three times the 10 s that Ray gives each check.
"""
