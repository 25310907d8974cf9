"""What Circe's speed is measured with: `make bench`, see __main__.py."""
