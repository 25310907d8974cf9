"""Demo data: the words of two countries, a business made of them, its rows for three years, and the way in."""
