"""The stages of the pipeline, one module each, and the packages that they share."""
