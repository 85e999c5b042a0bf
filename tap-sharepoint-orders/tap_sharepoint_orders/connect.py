"""Opens what the settings name: the SharePoint library with its sign-in, and a Blob archive."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tap_sharepoint_orders.archive import has_sas, open_archive
from tap_sharepoint_orders.auth import Application, MemoryTokenCache, MsalTokens
from tap_sharepoint_orders.download import Downloader
from tap_sharepoint_orders.graph import GraphClient
from tap_sharepoint_orders.settings import folder_paths, way_to_sign_in
from tap_sharepoint_orders.sharepoint import SharePoint
from tap_sharepoint_orders.site import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sharepoint_orders.archive import Archive
    from tap_sharepoint_orders.auth import TokenCache, Way
    from tap_sharepoint_orders.graph import TokenSource


def open_sharepoint(config: Mapping[str, Any], remembered: object) -> SharePoint:
    """Open the SharePoint library.

    Args:
        config: The tap's settings, without problems.
        remembered: What an earlier run's library left in the state.

    Raises:
        LibraryError: If the certificate or the token cache cannot be used.
    """
    # At DEBUG it logs whole addresses; a download link is a credential.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    graph_url = config["graph_url"].rstrip("/")
    place = Place(
        site_url=config["site_url"].rstrip("/"),
        drive_name=config.get("drive_name") or None,
        folders=folder_paths(config),
        cloud=graph_url,
    )
    return SharePoint(
        graph=GraphClient(tokens_of(config, f"{graph_url}/.default"), graph_url),
        place=place,
        downloader=Downloader(verify=config["verify_downloads"]),
        remembered=remembered,
    )


def open_blob_archive(config: Mapping[str, Any]) -> Archive:
    """Open the archive that is a Blob container.

    Raises:
        LibraryError: If its address or connection string is none.
    """
    from tap_sharepoint_orders.identity import azure_credential  # noqa: PLC0415 - see tokens_of

    url, connection_string = config["archive_url"], config.get("archive_connection_string")
    signed = connection_string or has_sas(url)
    credential = None if signed else azure_credential(application_of(config))
    return open_archive(url, connection_string=connection_string, credential=credential)


def application_of(config: Mapping[str, Any]) -> Application:
    """The application to sign in as; where nothing is said of one, the machine's identity."""
    certificate = config.get("client_certificate_path")
    return Application(
        way=cast("Way", way_to_sign_in(config) or "managed_identity"),
        authority_url=config["authority_url"].rstrip("/"),
        tenant_id=config.get("tenant_id"),
        client_id=config.get("client_id"),
        secret=config.get("client_secret"),
        certificate=Path(certificate).expanduser() if certificate else None,
        certificate_password=config.get("client_certificate_password"),
    )


def tokens_of(config: Mapping[str, Any], scope: str) -> TokenSource:
    """Whoever signs in. What is not needed is not imported: a run with nothing changed should be over in a moment.

    Raises:
        LibraryError: If the certificate or the token cache cannot be used.
    """
    application = application_of(config)
    if application.way != "managed_identity":
        return MsalTokens(application, scope, token_cache_of(config))
    from tap_sharepoint_orders.identity import IdentityTokens  # noqa: PLC0415

    return IdentityTokens(application, scope)


def token_cache_of(config: Mapping[str, Any]) -> TokenCache:
    """Where tokens are kept: each application and tenant in a row of its own."""
    if not config.get("token_cache_url"):
        return MemoryTokenCache()
    from tap_sharepoint_orders.token_cache import DatabaseTokenCache  # noqa: PLC0415 - see tokens_of

    name = f"{config['client_id']}_{config['tenant_id']}_AppTokenCache"
    return DatabaseTokenCache(config["token_cache_url"], config["token_cache_key"], name)
