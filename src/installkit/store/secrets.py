"""The secrets of sites, encrypted."""

import hashlib

from installkit.store.cipher import Cipher
from installkit.store.database import StoreDatabase
from installkit.store.lookup import known_site, secret_tokens, unknown
from installkit.store.tables import SecretRow

REVISION_LENGTH = 20

_REPLACE_SECRET = "INSERT OR REPLACE INTO secret (site, name, token) VALUES (?, ?, ?)"  # noqa: S105 - a statement


class SecretRows:
    """The secrets of all sites."""

    def __init__(self, db: StoreDatabase, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    def set(self, site: str, name: str, value: str) -> None:
        """
        Store *value*, encrypted, as the secret parameter *name* of *site*; the first secret makes the key.

        Raises:
            UnknownNameError: If there is no such site.
            StoreError: If the key is missing, or is not the key of the stored secrets.
        """

        def _set() -> None:
            known_site(self._db, site)
            stored = [row.token for row in SecretRow.select().limit(1).execute(self._db)]
            token = self._cipher.seal(value, beside=stored[0] if stored else None)
            self._db.write_rows(_REPLACE_SECRET, [(site, name, token)])

        self._db.unit(_set)

    def unset(self, site: str, name: str) -> None:
        """
        Forget the secret *name* of *site*.

        Raises:
            UnknownNameError: If there is no such site or secret.
        """

        def _unset() -> None:
            tokens = secret_tokens(self._db, site)
            if name not in tokens:
                raise unknown("secret", name, tokens)
            SecretRow.delete().where((SecretRow.site == site) & (SecretRow.name == name)).execute(self._db)

        self._db.unit(_unset)

    def of_site(self, site: str) -> dict[str, str]:
        """
        Return the secrets of *site* in clear, by name; empty if none is set.

        Raises:
            UnknownNameError: If there is no such site.
            StoreError: If the key is missing, or is not the one that encrypted them.
        """
        tokens = self._db.read(lambda: secret_tokens(self._db, site))
        return {name: self._cipher.open(token) for name, token in tokens.items()}

    def check(self) -> int:
        """
        Decrypt the secrets of all sites, and return how many there are.

        Raises:
            StoreError: If the key is missing, or is not the one that encrypted them.
        """
        tokens = self._db.read(lambda: [row.token for row in SecretRow.select().execute(self._db)])
        for token in tokens:
            self._cipher.open(token)
        return len(tokens)

    def keyed_digest(self, data: bytes) -> str:
        """
        Return a digest of *data*, in hex, from which nobody without the key of the secrets can guess *data*.

        Raises:
            StoreError: If secrets are stored and their key is missing.
        """
        if not self._db.read(lambda: list(SecretRow.select(SecretRow.name).limit(1).execute(self._db))):
            self._cipher.make_key()
        return self._cipher.digest(data)

    def revisions(self, site: str) -> dict[str, str]:
        """
        Return a word for each secret of *site*; it changes each time the secret is set, and says nothing about its value.

        Raises:
            UnknownNameError: If there is no such site.
        """
        # every encryption uses a new random number, so that the same value gets another token
        tokens = self._db.read(lambda: secret_tokens(self._db, site))
        return {name: hashlib.sha256(token.encode()).hexdigest()[:REVISION_LENGTH] for name, token in tokens.items()}
