"""Measures how fast Circe is: `make bench`, see __main__.py."""
