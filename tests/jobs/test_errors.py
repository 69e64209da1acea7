"""What users and programs learn from an error: a machine word, whether to try again, the value."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import errors

CASES = [
    (errors.UnknownJob("job_x"), "unknown_job", True, "'job_x'"),
    (errors.UnknownJob("x\0" * 1000), "unknown_job", True, "'x\\x00x\\x00"),
    (errors.UnknownFile("file_x"), "unknown_file", True, "'file_x'"),
    (errors.UnknownKey("key_x"), "unknown_key", True, "'key_x'"),
    (errors.KeyInUse("nightly"), "idempotency_key_in_use", False, "'nightly'"),
    (errors.KeyReused("nightly"), "idempotency_key_reused", True, "'nightly'"),
    (errors.BadTenant("Acme"), "bad_tenant", True, "'Acme'"),
    (errors.BadName("a\0", "holds a NUL character"), "bad_name", True, "'a\\x00' holds"),
    (errors.IllegalTransition("queued", "completed", "job_x"), "illegal_transition", True, "'completed'"),
    (errors.JobFinished("job_x", "expired"), "job_finished", True, "'expired'"),
    (errors.JobUnfinished("job_x", "running"), "job_unfinished", True, "'running'"),
    (errors.NothingToRetry("job_x"), "nothing_to_retry", True, "'job_x'"),
    (errors.UnknownTagger("jazz", ["default"]), "unknown_tagger", True, "'jazz'"),
    (errors.NothingPromoted("jazz", ["jazz@1"]), "nothing_promoted", True, "one of jazz@1,"),
    (errors.NothingToRollBack("jazz"), "nothing_to_roll_back", True, "'jazz'"),
    (errors.BadTaggerName("Jazz", "cannot be"), "bad_tagger_name", True, "'Jazz' cannot be"),
    (errors.UnknownMethod("magic"), "unknown_method", True, "'magic'"),
    (errors.NoTaggersFolder(), "no_taggers_folder", True, "TAGWERK_TAGGERS"),
    (errors.UnknownEngine("oracle"), "unknown_engine", True, "'oracle'"),
    (errors.EngineMismatch("music@1", "llm", "biencoder"), "engine_mismatch", True, "'music@1'"),
    (errors.KindMismatch("music@1", "biencoder", finds=True), "kind_mismatch", True, "'music@1'"),
    (errors.MethodMismatch("music@1", "biencoder", "lora", "llm"), "method_mismatch", True, "'music@1'"),
    (errors.DamagedTagger(Path("jazz/tagger.json"), KeyError("engine")), "damaged_tagger", True, "jazz/tagger.json"),
    (errors.BadLedgerUrl("mysql://h/d"), "bad_ledger_url", True, "'mysql://h/d'"),
    (
        errors.LedgerUnavailable("sqlite:///x", OSError("no disk\nat all")),
        "ledger_unavailable",
        False,
        "no disk)",
    ),
    (errors.BrokerUnavailable("redis://h", TimeoutError()), "broker_unavailable", False, "TimeoutError"),
]


@pytest.mark.parametrize(("error", "code", "permanent", "quoted"), CASES, ids=lambda case: type(case).__name__)
def test_error_says_what_and_whether_to_try_again(
    error: errors.LedgerError, code: str, permanent: bool, quoted: str
) -> None:
    assert (error.code, error.permanent) == (code, permanent)
    assert quoted in str(error)


def test_every_error_has_a_code_of_its_own() -> None:
    direct = errors.LedgerError.__subclasses__()
    classes = [*direct, *(below for each in direct for below in each.__subclasses__())]

    assert len({each.code for each in classes}) == len(classes)
    assert {type(error) for error, *_ in CASES} == set(classes)


def test_of_many_names_the_first_are_told() -> None:
    told = str(errors.UnknownTagger("jazz", [f"t@{number}" for number in range(100)]))

    assert told.endswith("t@10, t@11 and 88 more")


def test_a_token_in_place_of_its_id_is_not_told_again() -> None:
    token = "tw_abcdefghij_" + "s" * 43

    message = str(errors.UnknownKey(token))

    assert "ssss" not in message
    assert "its id is 'key_abcdefghij'" in message
