"""The dashboard: the figures on the first page of the back office."""
