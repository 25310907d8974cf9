"""The figures on the first page of the back office."""
