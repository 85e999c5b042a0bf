"""Signing in: secret, certificate, managed identity, and the tokens that are kept."""

import datetime as dt
import multiprocessing
import sqlite3

import msal
import pytest
from azure.core.credentials import AccessToken
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from tap_sharepoint_orders import auth, identity, token_cache
from tap_sharepoint_orders.auth import Application, MemoryTokenCache, MsalTokens, SignInError
from tap_sharepoint_orders.identity import IdentityTokens, azure_credential
from tap_sharepoint_orders.token_cache import DatabaseTokenCache, TokenCacheError

PASSWORD = "the-password"  # noqa: S105 - nobody's
KEY = "the-token-cache-key"


@pytest.fixture
def application(tenant):
    def make(**differs):
        by_secret = {"way": "secret", "secret": "the-client-secret", "tenant_id": "tenant-1", "client_id": "client-1"}
        return Application(**{"authority_url": tenant.url, **by_secret, **differs})

    return make


@pytest.fixture
def signed_in(tenant, application):
    def sign_in(cache=None, **differs):
        return MsalTokens(application(**differs), f"{tenant.url}/.default", cache or MemoryTokenCache())

    return sign_in


@pytest.fixture(scope="module")
def key_and_certificate():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = dt.datetime.now(dt.UTC)
    certificate = (x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))).sign(
        key, hashes.SHA256()
    )
    return key, certificate


@pytest.fixture(params=["pfx", "pem", "pem with password"])
def certificate_file(request, tmp_path, key_and_certificate):
    key, certificate = key_and_certificate
    path = tmp_path / "app"
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    if request.param == "pfx":
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"app", key, certificate, None, locked))
    else:
        seal = locked if "password" in request.param else serialization.NoEncryption()
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(pem, pkcs8, seal) + certificate.public_bytes(pem))
    return path, None if request.param == "pem" else PASSWORD


def test_a_secret_signs_in_with_one_request_and_the_token_is_kept(tenant, signed_in):
    tokens = signed_in()
    assert tokens.token() == tenant.token
    assert tokens.token() == tenant.token
    assert [str(asked) for asked in tenant.asked] == ["POST /tenant-1/oauth2/v2.0/token"]
    assert tokens.traffic.requests == 1


def test_a_token_refused_by_graph_is_fetched_anew_unless_that_has_happened(tenant, signed_in):
    tokens = signed_in()
    first = tokens.token()
    second = tokens.token(refused=first)
    assert second == tenant.token != first
    assert tokens.token(refused=first) == second
    assert len(tenant.asked) == 2


def test_a_wrong_secret_names_the_setting_and_not_the_secret(signed_in):
    with pytest.raises(SignInError, match=r"client_secret is wrong.*AADSTS7000215.*correlation-1") as refused:
        signed_in(secret="not this one").token()  # noqa: S106 - nobody's
    assert "not this one" not in str(refused.value)
    assert "Timestamp" not in str(refused.value)


@pytest.mark.parametrize(("code", "setting"), [("AADSTS90002", "tenant_id"), ("AADSTS700016", "client_id")])
def test_entras_codes_name_the_setting(tenant, signed_in, answers, code, setting):
    answer, _ = answers
    said = {"error": "invalid_request", "error_description": f"{code}: Something.\r\nTrace ID: 1"}
    tenant.fault("/token", answer(400, said))
    with pytest.raises(SignInError, match=rf"^{setting} "):
        signed_in().token()


def test_entra_out_of_order_is_asked_again(tenant, signed_in, answers, monkeypatch):
    answer, _ = answers
    monkeypatch.setattr(auth.RETRIES, "backoff_factor", 0)
    monkeypatch.setattr(auth.RETRIES, "backoff_jitter", 0)
    tenant.fault("/token", answer(503, b"", {"Retry-After": "0"}), answer(500, b""))
    assert signed_in().token() == tenant.token


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "https://not a host"])
def test_nobody_at_the_authority_is_told(signed_in, url, monkeypatch):
    monkeypatch.setattr(auth.RETRIES, "total", 0)
    with pytest.raises(SignInError, match="authority_url"):
        signed_in(authority_url=url).token()


def test_a_certificate_signs_in(tenant, signed_in, key_and_certificate, certificate_file):
    path, password = certificate_file
    tenant.certificate = key_and_certificate[1]
    tokens = signed_in(way="certificate", secret=None, certificate=path, certificate_password=password)
    assert tokens.token() == tenant.token


def test_a_certificate_that_cannot_be_used_is_told_without_its_password(signed_in, tmp_path, certificate_file):
    path, _ = certificate_file
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    gone = tmp_path / "gone"
    for certificate, password in ((path, "not-this"), (empty, None), (gone, None)):
        if certificate is path and path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY"):
            continue  # one without a password opens with any
        with pytest.raises(SignInError, match="client_certificate_path") as refused:
            signed_in(way="certificate", secret=None, certificate=certificate, certificate_password=password).token()
        assert "not-this" not in str(refused.value)


class Identity:
    """What a machine with a managed identity answers."""

    made = 0

    def __init__(self, **_):
        Identity.made += 1
        self.number = Identity.made

    def get_token(self, *_):
        return AccessToken(f"token-{self.number}", 2_000_000_000)


def test_a_managed_identity_signs_in_and_is_renewed_when_refused(application, monkeypatch):
    monkeypatch.setattr(identity, "ManagedIdentityCredential", Identity)
    tokens = IdentityTokens(application(way="managed_identity", secret=None), "scope")
    first = tokens.token()
    assert tokens.token() == first
    assert tokens.token(refused=first) != first


def test_a_machine_without_an_identity_says_what_to_set(application, monkeypatch):
    def none(*_):
        raise CredentialUnavailableError(message="no endpoint")

    monkeypatch.setattr(Identity, "get_token", none)
    monkeypatch.setattr(identity, "ManagedIdentityCredential", Identity)
    with pytest.raises(SignInError, match=r"no managed identity.*tenant_id, client_id and client_secret"):
        IdentityTokens(application(way="managed_identity", secret=None, client_id=None), "scope").token()


def test_an_archive_gets_the_same_identity(application, certificate_file):
    path, password = certificate_file
    by_certificate = application(way="certificate", certificate=path, certificate_password=password)
    assert isinstance(azure_credential(application()), ClientSecretCredential)
    assert isinstance(azure_credential(by_certificate), CertificateCredential)
    assert isinstance(azure_credential(application(way="managed_identity")), ManagedIdentityCredential)


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch):
    """A guess at the key shall be slow; the tests need not be."""
    monkeypatch.setitem(token_cache.SCRYPT, "n", 2)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "tokens.db"


@pytest.fixture
def kept(database):
    def cache(key=KEY, name="client-1_tenant-1"):
        return DatabaseTokenCache(f"sqlite:///{database}", key, name)

    return cache


def rows(database):
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM msal_token_cache")]
    connection.close()
    return found


def test_a_kept_token_is_good_for_the_next_run_without_a_request(tenant, signed_in, kept):
    first = signed_in(kept()).token()
    assert signed_in(kept()).token() == first
    assert len(tenant.asked) == 1


def test_kept_tokens_cannot_be_read_from_the_table(tenant, signed_in, kept, database):
    signed_in(kept()).token()
    [row] = rows(database)
    assert set(row) == {"cache_key", "cache_data", "created_at", "updated_at", "expires_at"}
    assert tenant.token.encode() not in row["cache_data"]
    assert b"AccessToken" not in row["cache_data"]
    assert row["expires_at"] > row["updated_at"] >= row["created_at"]


def test_the_same_tokens_are_sealed_differently_each_time(kept):
    cache = kept()
    assert cache._seal("{}") != cache._seal("{}")


@pytest.mark.parametrize("harm", ["wrong key", "another row's", "flipped", "cut"])
def test_a_row_that_does_not_open_is_told_with_the_setting_and_without_the_key(signed_in, kept, database, harm):
    signed_in(kept()).token()
    [row] = rows(database)
    sealed = bytearray(row["cache_data"])
    sealed[-1] ^= harm == "flipped"
    cut = sealed[:9] if harm == "cut" else sealed
    name = "another" if harm == "another row's" else "client-1_tenant-1"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE msal_token_cache SET cache_data = ?, cache_key = ?", (bytes(cut), name))
    connection.close()
    key = "another-key" if harm == "wrong key" else KEY
    with pytest.raises(TokenCacheError, match=r"token_cache_key does not open .*delete the row") as refused:
        kept(key, name).load()
    assert key not in str(refused.value)


def test_what_another_process_kept_meanwhile_stays(kept):
    ours, theirs = kept().load(), kept().load()
    for cache, client in ((ours, "a"), (theirs, "b")):
        response = {"access_token": f"token-{client}", "expires_in": 3600, "token_type": "Bearer"}
        event = {"client_id": client, "scope": ["s"], "token_endpoint": "https://h/t/token", "response": response}
        cache.add(event)
        kept().save(cache)
    secrets = {token["secret"] for token in kept().load().search(msal.TokenCache.CredentialType.ACCESS_TOKEN)}
    assert secrets == {"token-a", "token-b"}


def _keep(url: str, client: str) -> None:
    for number in range(4):
        cache = DatabaseTokenCache(url, KEY, "shared")
        held = cache.load()
        response = {"access_token": f"{client}-{number}", "expires_in": 3600, "token_type": "Bearer"}
        event = {"client_id": f"{client}-{number}", "scope": ["s"], "token_endpoint": "https://h/t/token"}
        held.add(event | {"response": response})
        cache.save(held)


def test_two_processes_that_write_at_once_lose_nothing(database, kept):
    context = multiprocessing.get_context("fork")
    url = f"sqlite:///{database}"
    processes = [context.Process(target=_keep, args=(url, client)) for client in ("a", "b")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    kinds = msal.TokenCache.CredentialType
    held = {token["secret"] for token in kept(name="shared").load().search(kinds.ACCESS_TOKEN)}
    assert held == {f"{client}-{number}" for client in "ab" for number in range(4)}


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path):
    cache = DatabaseTokenCache(f"sqlite:///{tmp_path}/no folder/x.db", KEY, "n")
    with pytest.raises(TokenCacheError, match=r"token_cache_url .* cannot be used"):
        cache.load()
    for url in ("no url at hunter2", "nosuch://u:hunter2@h/d"):
        with pytest.raises(TokenCacheError, match="is no SQLAlchemy URL") as refused:
            DatabaseTokenCache(url, KEY, "n")
        assert "hunter2" not in str(refused.value)
