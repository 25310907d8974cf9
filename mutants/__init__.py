"""Faults that were made elsewhere, and others as bad, seeded one by one: each has to turn the suite red (`make mutants`)."""
