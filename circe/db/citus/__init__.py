"""What Circe does on a cluster of Citus, and nowhere else: docs/decisions/scale-out.md."""
