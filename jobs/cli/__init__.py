"""What the jobs share on the command line."""
