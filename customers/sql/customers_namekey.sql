-- Only triggers write the table, and the application reads it through customers_searchable_names.
REVOKE ALL ON customers_namekey FROM circe_app;
