"""Signs in as a managed identity, and lends the tap's identity to Azure's libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError
from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential

from tap_sharepoint_orders.auth import Application, SignInError, certificate_problem
from tap_sharepoint_orders.graph import Traffic

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class IdentityTokens:
    """Tokens of a managed identity: the machine's own, or one assigned to it."""

    def __init__(self, application: Application, scope: str) -> None:
        self.traffic = Traffic("sign-in")
        self._client_id = application.client_id
        self._scope = scope
        self._credential = ManagedIdentityCredential(client_id=application.client_id)

    def token(self, *, refused: str | None = None) -> str:
        """An access token, from memory while it is good.

        Raises:
            SignInError: If the machine has no such identity.
        """
        try:
            token = self._credential.get_token(self._scope).token
            if refused is not None and token == refused:
                # The credential offers no other way to forget what it holds.
                self._credential = ManagedIdentityCredential(client_id=self._client_id)
                token = self._credential.get_token(self._scope).token
        except (AzureError, ValueError) as error:
            which = f"client_id {self._client_id}" if self._client_id else "its own"
            msg = (
                f"this machine has no managed identity ({which}): assign one, or set tenant_id, client_id and "
                f"client_secret or client_certificate_path in place of authentication ({type(error).__name__})"
            )
            raise SignInError(msg) from None
        return str(token)


def azure_credential(application: Application) -> TokenCredential:
    """The application as a credential of Azure's libraries."""
    if application.way == "managed_identity":
        return ManagedIdentityCredential(client_id=application.client_id)
    tenant, client = str(application.tenant_id), str(application.client_id)
    options = {"authority": application.authority_url, "disable_instance_discovery": True}
    if application.way == "secret":
        return ClientSecretCredential(tenant, client, str(application.secret), **options)
    try:
        return CertificateCredential(
            tenant, client, str(application.certificate), password=application.certificate_password, **options
        )
    except (ValueError, OSError) as error:
        raise SignInError(certificate_problem(application, error)) from None
