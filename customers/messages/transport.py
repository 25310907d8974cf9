"""Gives messages to the mail server and to the other channels."""
