"""How fast the pipeline is, beside what one would write by hand or with another library: `make bench`."""
