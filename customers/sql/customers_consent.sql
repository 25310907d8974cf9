-- The application may read entries of the ledger, and add them.
REVOKE UPDATE, DELETE ON customers_consent FROM circe_app;
