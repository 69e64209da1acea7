"""Who asks: from the bearer token of a request to a key, and from the key to the ledger of its tenant.

Handlers are given a `TenantLedger` and so cannot ask of another tenant's work. A token is never logged.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Forbidden, Unauthorized
from api.parts import Parts, parts_of
from jobs.keys import ApiKey, KeyScope
from jobs.store.tenancy import TenantLedger

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    bearerFormat="tw_...",
    description="A key as `tagwerk keys create` makes it, in the header `Authorization: Bearer tw_...`.",
)

Service = Annotated[Parts, Depends(parts_of)]


def authenticated(
    request: Request, parts: Service, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> ApiKey:
    """Return the key of a request. Raises `Unauthorized`."""
    if credentials is None:
        raise Unauthorized("the request has no key")
    parts.require_tables()
    key = parts.ledger.authenticate(credentials.credentials)
    if key is None:
        raise Unauthorized("the key is unknown or revoked")
    request.state.key = key
    return key


def _tenant(parts: Service, key: Annotated[ApiKey, Depends(authenticated)]) -> TenantLedger:
    if key.scope is not KeyScope.TENANT:
        raise Forbidden(key.scope)
    return parts.ledger.tenant(key.tenant)


def metrics_reader(key: Annotated[ApiKey, Depends(authenticated)]) -> None:
    """Let keys for the service's figures pass. Raises `Forbidden`."""
    if key.scope is not KeyScope.METRICS:
        raise Forbidden(key.scope)


#: The ledger of the tenant whose key a request has.
Tenant = Annotated[TenantLedger, Depends(_tenant)]
