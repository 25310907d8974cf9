"""The services beside which Circe is measured: what its users would otherwise build, on the same database.

`app` is FastAPI, SQLAlchemy 2 and pydantic 2, with five endpoints; `raw` is asyncpg and orjson, with three. Both check
the token, read user, tenant, role and session from the database with each request, and answer what Circe answers:
`bench/compare.py` sees to that. They serve the people of a business, not the super_admin, and set no passwords.
"""
