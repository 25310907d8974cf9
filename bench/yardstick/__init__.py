"""The services with which Circe is compared. They have some of Circe's endpoints, on the same database.

`app` uses FastAPI, SQLAlchemy 2 and pydantic 2, and has five endpoints. `raw` uses asyncpg and orjson, and has three. Both
check the token, and read user, tenant, role and session from the database with each request. Their answers equal Circe's:
`bench/compare.py` checks it. They serve the users of a business, not the super_admin, and set no passwords.
"""
