"""What jobs do once their options are read, where it takes seconds to import: `--help` does without."""
