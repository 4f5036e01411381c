"""TLS of a client: whom it trusts, and as whom it comes."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from dagster_rest.http.errors import ClientConfigError

# In this order; the first that is set counts. The first two are those of requests, which dlt uses.
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Tls:
    """The TLS contexts of a client, made when they are first needed: loading certificates takes 20 ms.

    Args:
        verify: True, False, the path of a CA bundle (or of a folder of them), or an `ssl.SSLContext`.
        cert: A client certificate: the path of a PEM file, or (certificate, key[, password of the key]).
    """

    def __init__(self, *, verify: Any, cert: Any) -> None:
        self._verify, self._cert = verify, cert
        self._made: dict[bool, ssl.SSLContext] = {}
        if verify is not True or cert is not None:
            # What is configured and wrong is found at once, not by the first redirect to https.
            self.context()

    def context(self, *, with_cert: bool = True) -> ssl.SSLContext:
        """The context.

        Args:
            with_cert: Whether it presents the client certificate; a proxy does not get that.

        Raises:
            ClientConfigError: A path, a certificate or a password is wrong.
        """
        if with_cert not in self._made:
            context = _trusting(self._verify)
            if with_cert and self._cert is not None:
                _present(context, self._cert)
            self._made[with_cert] = context
        return self._made[with_cert]


def _trusting(verify: Any) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if verify is not True:
        return _bundle(str(verify), where="client.verify")
    for name in CA_VARIABLES:
        if os.environ.get(name):
            return _bundle(os.environ[name], where=f"environment variable {name}")
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


def _bundle(text: str, *, where: str) -> ssl.SSLContext:
    path = Path(text)
    if not path.exists():
        raise ClientConfigError(
            f"there is no CA bundle at {text}",
            where=where,
            hint="Give the path of a PEM file, or of a folder of such files.",
        )
    try:
        return ssl.create_default_context(capath=text) if path.is_dir() else ssl.create_default_context(cafile=text)
    except (ssl.SSLError, OSError) as error:
        raise ClientConfigError(
            f"the CA bundle {text} cannot be read ({type(error).__name__}: {error})",
            where=where,
            hint="It must contain certificates in PEM format (-----BEGIN CERTIFICATE-----).",
        ) from None


def _present(context: ssl.SSLContext, cert: Any) -> None:
    certificate, key, password = (*([cert] if isinstance(cert, (str, Path)) else cert), None, None)[:3]
    for path in (certificate, key):
        if path is not None and not Path(path).exists():
            raise ClientConfigError(f"there is no file {path}", where="client.cert", hint=_CERT_HINT)
    try:
        # Without a password OpenSSL would ask for it at the terminal, where nobody is.
        context.load_cert_chain(certificate, key, password=password or (lambda: ""))
    except (ssl.SSLError, OSError, ValueError, TypeError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise ClientConfigError(
            f"the client certificate {certificate} cannot be loaded ({reason})", where="client.cert", hint=_CERT_HINT
        ) from None


_CERT_HINT = (
    "Give one PEM file with certificate and key, or [certificate, key], or [certificate, key, password of the key]; "
    "the key must belong to the certificate."
)
