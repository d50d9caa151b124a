"""What stands around the pipeline: set-up and the quick profile."""
