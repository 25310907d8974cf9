"""Runs tests of the suite on a cluster of Citus: `CITUS_URL=postgres://… make test-citus`."""
