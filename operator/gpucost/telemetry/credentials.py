"""What Prometheus is shown of us: secrets in files, read anew for every request, since they may be renewed."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_auth_from_url

from gpucost.model.errors import ConfigurationError
from gpucost.telemetry.settings import TelemetrySettings

_MOST_CHARACTERS = 16_384


class FileAuth(AuthBase):
    """The header ``Authorization``: a bearer token, or a user's name and password; else those that the URL holds.

    Where there are none, nothing is sent: without it the library would look into ``~/.netrc``.
    """

    def __init__(self, settings: TelemetrySettings) -> None:
        self._settings = settings

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        settings = self._settings
        if settings.token_file is not None:
            request.headers["Authorization"] = f"Bearer {_secret(settings.token_file, 'tokenFile', 'token')}"
        elif settings.username_file is not None and settings.password_file is not None:
            name = _secret(settings.username_file, "usernameFile", "name", without=":")
            password = _secret(settings.password_file, "passwordFile", "password")
            HTTPBasicAuth(name, password)(request)
        elif any(user := get_auth_from_url(settings.url)):
            HTTPBasicAuth(*user)(request)
        return request


def headers_of(settings: TelemetrySettings) -> Mapping[str, str]:
    """Those that the settings ask for, such as a tenant's. Raises ConfigurationError where a file has no value."""
    return {name: _secret(path, f"headers.{name}", "value") for name, path in settings.header_files}


def certificate_of(settings: TelemetrySettings) -> tuple[str, str] | None:
    """The files of our certificate and its key; None: there is none.

    Each new connection reads them. Raises ConfigurationError where they cannot be used.
    """
    if settings.certificate_file is None or settings.key_file is None:
        return None
    files = str(settings.certificate_file), str(settings.key_file)
    try:
        # With a password, so that nobody is asked for one at a terminal.
        ssl.create_default_context().load_cert_chain(*files, password="")
    except OSError as error:
        cause = error.strerror or getattr(error, "reason", "") or type(error).__name__
        raise ConfigurationError(
            f"prometheus.certificateFile {files[0]} and prometheus.keyFile {files[1]} cannot be used: {cause}; mount a"
            " certificate and its key, as PEM and not encrypted"
        ) from error
    return files


def _secret(path: Path, key: str, what: str, without: str = "\0") -> str:
    """``without``: a character that must not be in it."""
    try:
        text = path.read_bytes().decode("ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigurationError(
            f"prometheus.{key} {path} cannot be read: {error}; mount the {what} or unset the key"
        ) from error
    if not text or not (text.isascii() and text.isprintable()) or without in text or len(text) > _MOST_CHARACTERS:
        raise ConfigurationError(
            f"prometheus.{key} {path} holds no {what} (it is empty, too long or has odd characters); write the bare"
            f" {what} into it"
        )
    return text
