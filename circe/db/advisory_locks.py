"""PostgreSQL's advisory locks: the first of their two numbers says what is locked. All of them are here.

The second number is a hash of the key, or in SHARD the shard. All are held until the transaction ends.
"""

from enum import IntEnum


class AdvisoryLock(IntEnum):
    """What an advisory lock is on."""

    # A log-in's e-mail address, while its failures are counted. Always taken before LOGIN_ADDRESS.
    LOGIN_ACCOUNT = 1
    # A log-in's IP address, while its failures are counted.
    LOGIN_ADDRESS = 2
    # A member of staff of a business, while an appointment is booked or changed.
    STAFF = 3
    # An Idempotency-Key of a user, while the request with it is answered.
    IDEMPOTENCY_KEY = 4
    # An e-mail address or phone number of a business's customer, while a customer takes it or gives it up.
    CONTACT = 5
    # A shard of the sharded counters, while a transaction writes it: see the SQL function circe_free_shard.
    SHARD = 6
    # The list of imports at work, while one more begins. Its second number is always 0.
    IMPORTS = 7
