"""Routes of taggers: what jobs may name, and what a name stands for."""

# ruff: noqa: TC001 -- FastAPI reads annotations at run time
from __future__ import annotations

from fastapi import APIRouter

from api import answers, documented
from api.authentication import Service, Tenant
from api.parameters import Since, TaggerName
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


@router.post(
    "/{name}/promote",
    operation_id="promote_tagger",
    summary="Promote a tagger",
    responses=documented.answers("unknown_tagger", "bad_tagger_name", "damaged_tagger"),
)
def promote_tagger(tenant: Tenant, parts: Service, name: TaggerName) -> Tagger:
    """Let a name stand for this version of it, as `music@3`, from now on; jobs that are there already keep theirs.

    What is promoted already stays so: the request can be sent again.
    """
    return answers.tagger(taggers.promote(name, parts.taggers, tenant))


@router.post(
    "/{name}/rollback",
    operation_id="roll_tagger_back",
    summary="Roll a tagger back",
    responses=documented.answers("unknown_tagger", "tagger_versioned", "nothing_to_roll_back"),
)
def roll_tagger_back(tenant: Tenant, name: TaggerName, since: Since = None) -> Tagger:
    """Let a name, as `music`, stand for the version that was promoted before, and answer with that.

    Asked again it goes back to the one before that, unless `from` says from which version to go back.
    """
    return answers.tagger(taggers.rollback(name, tenant, since))
