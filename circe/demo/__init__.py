"""Generates and loads demo data: businesses in two countries, with customers and appointments of three years."""
