"""The code that only a cluster of Citus needs: docs/decisions/scale-out.md."""
