"""The formats of dates and numbers, which Django finds here by `FORMAT_MODULE_PATH`."""
