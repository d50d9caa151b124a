"""The two networks of the report and how they learn."""
