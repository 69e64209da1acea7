"""Routes of taggers: what jobs may name."""

# ruff: noqa: TC001 -- FastAPI reads annotations at run time
from __future__ import annotations

from fastapi import APIRouter

from api import answers, documented
from api.authentication import Service, Tenant
from api.parameters import TaggerName
from api.schemas import Tagger, TaggerList
from jobs import taggers

router = APIRouter(prefix="/v1/taggers", tags=["taggers"])


@router.get("", operation_id="list_taggers", summary="List taggers", responses=documented.answers())
def list_taggers(tenant: Tenant, parts: Service) -> TaggerList:
    """All taggers: the shipped ones first, then those of the key's tenant."""
    return TaggerList(data=[answers.tagger(entry) for entry in taggers.entries(parts.taggers, tenant)])


@router.get(
    "/{name}", operation_id="read_tagger", summary="Read a tagger", responses=documented.answers("unknown_tagger")
)
def read_tagger(tenant: Tenant, parts: Service, name: TaggerName) -> Tagger:
    """One tagger and how it came to be: `music@3`, or of `music` the promoted version."""
    return answers.tagger(taggers.find(name, parts.taggers, tenant))
