"""`tidegate demo`: not there yet."""


def demo() -> None:
    """Placeholder while the demo is being written."""
