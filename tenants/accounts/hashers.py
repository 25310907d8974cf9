"""The password hasher: Argon2id."""

from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's 19 MiB and two passes (Password Storage Cheat Sheet).

    At most two run at once in a process, so that a flood of log-ins can't exhaust memory.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
    _slots = BoundedSemaphore(2)

    def encode(self, password: str, salt: str) -> str:
        with self._slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with self._slots:
            return super().verify(password, encoded)


class FastArgon2idPasswordHasher(Argon2idPasswordHasher):
    """Argon2id at its lowest cost, for tests."""

    time_cost = 1
    memory_cost = 8
