-- Only triggers write the table.
REVOKE INSERT, UPDATE, DELETE ON customers_namekey FROM circe_app;
