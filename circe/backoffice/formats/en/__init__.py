"""The formats for pages in English, the one language of the back office."""
