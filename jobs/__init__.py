"""Entry points, one file per thing a user wants done."""
