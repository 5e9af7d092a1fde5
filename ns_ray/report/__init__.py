"""What a run found, whether it kept up, and how it is shown."""
