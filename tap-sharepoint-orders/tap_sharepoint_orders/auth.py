"""Signs in to Microsoft Entra ID as an application, by secret or certificate; identity.py does by managed identity.

Nobody is ever asked for anything. Secrets reach neither the log nor an error's text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import msal  # type: ignore[import-untyped]  # MSAL ships no types
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tap_sharepoint_orders.graph import USER_AGENT, Traffic
from tap_sharepoint_orders.library import LibraryError

TIMEOUT_S = 30
RETRIES = Retry(
    total=5,
    backoff_factor=0.5,
    backoff_jitter=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)

SETTING_OF_ERROR = {
    "AADSTS7000215": "client_secret is wrong: set the secret's value, not its id",
    "AADSTS7000222": "client_secret has expired: make a new one in the app registration",
    "AADSTS700016": "client_id is no application of the tenant",
    "AADSTS700027": "the certificate of client_certificate_path is not registered with the application",
    "AADSTS90002": "tenant_id is no tenant, or one of another cloud: check authority_url",
    "AADSTS900023": "tenant_id is no tenant: set its id or one of its domains",
    "AADSTS500011": "graph_url is not of the cloud that authority_url signs in to",
    "AADSTS53003": "a Conditional Access policy blocks the application: have it exempted",
}
"""Entra's codes (learn.microsoft.com/entra, "Microsoft Entra authentication error codes") to what to do."""

Way = Literal["secret", "certificate", "managed_identity"]


class SignInError(LibraryError):
    """Nobody could be signed in. The message names the setting to mend."""


@dataclass(frozen=True, slots=True, repr=False)
class Application:
    """The application to sign in as.

    Attributes:
        way: How it proves who it is.
        authority_url: Entra's address in this cloud.
        tenant_id: The tenant; unused by a managed identity.
        client_id: The application; of a managed identity, which one, none for the machine's own.
        secret: The client secret, if it signs in by one.
        certificate: The PFX or PEM file, if it signs in by one.
        certificate_password: What the file is protected by, if it is.
    """

    way: Way
    authority_url: str
    tenant_id: str | None = None
    client_id: str | None = None
    secret: str | None = None
    certificate: Path | None = None
    certificate_password: str | None = None


class TokenCache(Protocol):
    """A place for MSAL's tokens."""

    def load(self) -> msal.SerializableTokenCache:
        """What is kept."""
        ...

    def save(self, cache: msal.SerializableTokenCache) -> None:
        """Keep what changed."""
        ...


class MemoryTokenCache:
    """Keeps tokens as long as the process lives."""

    def load(self) -> msal.SerializableTokenCache:
        """An empty cache."""
        return msal.SerializableTokenCache()

    def save(self, cache: msal.SerializableTokenCache) -> None:
        """Nothing: the cache itself is the memory."""


class MsalTokens:
    """Tokens of an application with a secret or a certificate."""

    def __init__(self, application: Application, scope: str, cache: TokenCache) -> None:
        """Prepare to sign in; nothing is sent yet.

        Args:
            application: Whom to sign in.
            scope: What for, as `https://graph.microsoft.com/.default`.
            cache: Where tokens are kept.

        Raises:
            SignInError: If the certificate cannot be read.
        """
        self.traffic = Traffic("sign-in")
        self._scope = scope
        self._cache = cache
        self._application = application
        self._msal_cache = cache.load()
        authority = f"{application.authority_url}/{application.tenant_id}"
        try:
            self._client = msal.ConfidentialClientApplication(
                application.client_id,
                client_credential=_credential(application),
                authority=authority,
                instance_discovery=False,
                token_cache=self._msal_cache,
                http_client=EntraHttp(authority, self.traffic),
            )
        except (ValueError, OSError) as error:
            raise SignInError(certificate_problem(application, error)) from None

    def token(self, *, refused: str | None = None) -> str:
        """An access token, from the cache while it is good.

        Raises:
            SignInError: If Entra gives none.
        """
        try:
            answer = self._client.acquire_token_for_client([self._scope])
            if refused is not None and answer.get("access_token") == refused:
                self._client.remove_tokens_for_client()
                answer = self._client.acquire_token_for_client([self._scope])
        except requests.RequestException:
            msg = f"nobody answers at authority_url {self._application.authority_url}: check the network and proxy"
            raise SignInError(msg) from None
        except ValueError:
            msg = f"what answers at authority_url {self._application.authority_url} is not Microsoft Entra ID: check it"
            raise SignInError(msg) from None
        if not (token := answer.get("access_token")):
            raise SignInError(_refusal(answer))
        if self._msal_cache.has_state_changed:
            self._cache.save(self._msal_cache)
        return str(token)


class EntraHttp:
    """Carries MSAL's requests; answers itself the one that asks where tokens are given.

    Entra's token endpoint is authority/oauth2/v2.0/token in every cloud (learn.microsoft.com/entra, "national
    clouds"): asking for it would be one request more in every run.
    """

    def __init__(self, authority: str, traffic: Traffic) -> None:
        self._authority = authority
        self._traffic = traffic
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.mount("https://", HTTPAdapter(max_retries=RETRIES))

    def get(self, url: str, **options: Any) -> requests.Response | _Known:  # noqa: ANN401 - MSAL's own
        """Answer or send a GET request."""
        if url == f"{self._authority}/v2.0/.well-known/openid-configuration":
            return _Known(self._authority)
        self._traffic.requests += 1
        return self._session.get(url, **{"timeout": TIMEOUT_S, **options})

    def post(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - MSAL's own
        """Send a POST request."""
        self._traffic.requests += 1
        return self._session.post(url, **{"timeout": TIMEOUT_S, **options})

    def close(self) -> None:
        """Close what is open."""
        self._session.close()


class _Known:
    """The part of an OpenID configuration that MSAL reads."""

    status_code = 200

    def __init__(self, authority: str) -> None:
        self.headers: dict[str, str] = {}
        endpoints = {"issuer": f"{authority}/v2.0"} | {
            f"{name}_endpoint": f"{authority}/oauth2/v2.0/{path}"
            for name, path in (("authorization", "authorize"), ("token", "token"))
        }
        self.text = json.dumps(endpoints)

    def raise_for_status(self) -> None:
        """It never fails."""


def _credential(application: Application) -> str | dict[str, Any]:
    """What MSAL takes as proof."""
    if application.way == "secret":
        return str(application.secret)
    path = application.certificate
    if path is None:
        msg = "no certificate is set"
        raise ValueError(msg)
    content = path.read_bytes()
    credential: dict[str, Any] = {"passphrase": application.certificate_password}
    if b"-----BEGIN" in content:
        text = content.decode("ascii", errors="ignore")
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
        if not blocks:
            msg = "the file holds a key and no certificate"
            raise ValueError(msg)
        return credential | {"private_key": text, "public_certificate": "\n".join(blocks)}
    # The chain goes with it: a renewed certificate of the same subject is then accepted as well.
    return credential | {"private_key_pfx_path": str(path), "public_certificate": True}


def certificate_problem(application: Application, error: Exception) -> str:
    """What to do about a certificate that cannot be read or used."""
    if application.way == "secret":
        return f"tenant_id {application.tenant_id!r} or authority_url {application.authority_url!r} is not valid"
    where = f"client_certificate_path {str(application.certificate)!r}"
    if isinstance(error, OSError):
        return f"{where} cannot be read ({error.strerror}): correct it, or let the user who runs the tap read the file"
    return (
        f"{where} cannot be used: it has to be a PFX or PEM file with the private key and the certificate, and "
        "client_certificate_password its password"
    )


def _refusal(answer: dict[str, Any]) -> str:
    # Only the first line: the others repeat it as trace ids and a time.
    described = str(answer.get("error_description") or answer.get("error") or "no reason given").splitlines()[0]
    code = re.match(r"AADSTS\d+", described)
    advice = SETTING_OF_ERROR.get(code[0]) if code else None
    trace = answer.get("correlation_id") or "none"
    said = f"Microsoft Entra ID said: {described.rstrip('.')} (correlation id {trace})"
    return f"{advice}. {said}" if advice else f"the application could not sign in. {said}"
