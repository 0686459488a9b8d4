import contextlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from installkit.errors import StoreError


class Cipher:
    """
    Encrypts secrets with the key in a file: made on first use, for its owner alone, and never overwritten.

    Attributes:
        key_file: Several stores may share it.
    """

    def __init__(self, key_file: Path) -> None:
        self.key_file = key_file

    def seal(self, text: str, *, beside: str | None) -> str:
        """
        Return *text* encrypted.

        If *beside* is the token of a stored secret, the key must be the one that sealed it; if it is None, a missing key
        is made.

        Raises:
            StoreError: If the key is missing, unreadable or not the one that sealed *beside*.
        """
        if beside is None:
            _make_key(self.key_file)
        else:
            self.open(beside)
        return self._fernet().encrypt(text.encode()).decode()

    def open(self, token: str) -> str:
        """
        Return the text that was sealed as *token*.

        Raises:
            StoreError: If the key is missing, unreadable or not the one that sealed *token*.
        """
        try:
            return self._fernet().decrypt(token.encode()).decode()
        except InvalidToken:
            raise StoreError(
                f"{self.key_file} is not the key that the stored secrets were encrypted with",
                remedy="put the right key file back, or unset the secrets and set them again",
            ) from None

    def digest(self, data: bytes) -> str:
        """
        Return the HMAC-SHA256 of *data*, in hex, under the key: with the database alone nobody can test guesses.

        Raises:
            StoreError: If the key is missing or unreadable.
        """
        self._fernet()
        return hmac.new(self.key_file.read_bytes().strip(), b"digest:" + data, "sha256").hexdigest()

    def make_key(self) -> None:
        """Make the key unless there is one."""
        _make_key(self.key_file)

    def _fernet(self) -> Fernet:
        try:
            return Fernet(self.key_file.read_bytes().strip())
        except FileNotFoundError:
            raise StoreError(
                f"secrets are stored, but their key {self.key_file} is not there",
                remedy="put the key file back, or unset the secrets and set them again",
            ) from None
        except OSError as exc:
            raise StoreError(f"the key {self.key_file} cannot be read: {exc.strerror}") from exc
        except ValueError:
            raise StoreError(
                f"{self.key_file} holds no key: 32 bytes in URL-safe base64 are wanted",
                remedy="put the right key file back",
            ) from None


def _make_key(path: Path) -> None:
    """Write a new key to *path* unless there is one; if several processes try, one does, and none sees half a key."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - Path.open takes no descriptor
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    except OSError as exc:
        raise StoreError(f"the key {path} cannot be made: {exc.strerror}") from exc
    finally:
        temporary.unlink(missing_ok=True)
