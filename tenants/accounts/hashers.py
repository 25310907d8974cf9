"""The password hashers: Argon2id, and those of hashes that older systems made."""

from threading import BoundedSemaphore

from django.contrib.auth import hashers

from tenants.accounts.passwords import normalize_password


def imitate_password_check(password: str) -> None:
    """Makes as many hashes as a check of the password, for an account that has none or does not exist."""
    for _ in {password, normalize_password(password)}:
        hashers.make_password(password)


class UnicodeFormsMixin(hashers.BasePasswordHasher):
    """Accepts a password if its NFKC form or its typed form matches the hash: older hashes were made of the typed form.

    Whether one or two hashes are made depends on the typed text alone, so the time tells nothing about the account.
    """

    def verify(self, password: str, encoded: str) -> bool:
        normalized = normalize_password(password)
        is_correct = super().verify(normalized, encoded)
        if password != normalized:
            is_correct = super().verify(password, encoded) or is_correct
        return is_correct


class PBKDF2PasswordHasher(UnicodeFormsMixin, hashers.PBKDF2PasswordHasher):
    """Verifies hashes of older systems."""


class Argon2idPasswordHasher(UnicodeFormsMixin, hashers.Argon2PasswordHasher):
    """Argon2id with OWASP's 19 MiB and two passes (Password Storage Cheat Sheet), of the password in NFKC.

    At most two run at once in a process, so that a flood of log-ins can't exhaust memory.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
    _slots = BoundedSemaphore(2)

    def encode(self, password: str, salt: str) -> str:
        with self._slots:
            return super().encode(normalize_password(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        with self._slots:
            return super().verify(password, encoded)


class FastArgon2idPasswordHasher(Argon2idPasswordHasher):
    """Argon2id at its lowest cost, for tests."""

    time_cost = 1
    memory_cost = 8
