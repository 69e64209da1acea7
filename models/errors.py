"""What can go wrong with models: one class a cause, each permanent or transient as a fact of the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.examples import Findings


class ModelError(Exception):
    """A model could not be loaded or run."""

    code = "model_error"
    #: True where trying again cannot help.
    permanent = True


class WeightsMismatch(ModelError):
    """A weights file is not the one that was expected."""

    code = "weights_mismatch"


class EncoderNotFound(ModelError):
    """The encoder named by the operator cannot be found or read."""

    code = "encoder_not_found"


class GeneratorNotFound(ModelError):
    """The language model, or the adapter, named by the operator cannot be found, read or used."""

    code = "generator_not_found"


class AdapterMismatch(ModelError):
    """Adapter weights do not fit the language model that is loaded."""

    code = "adapter_mismatch"


class BadArtifact(ModelError):
    """A tagger artifact is incomplete or damaged."""

    code = "bad_artifact"


class BadTrainingData(ModelError):
    """The training data is missing or cannot be used."""

    code = "bad_training_data"


class TrainingDiverged(ModelError):
    """A training's loss or gradient is no number any more, or its loss ran away from where it began."""

    code = "training_diverged"


class DeviceUnavailable(ModelError):
    """The device named by the operator is not there or does not compute."""

    code = "device_unavailable"


class WindowTooLong(ModelError):
    """A window and its labels do not fit the language model, even without examples."""

    code = "window_too_long"


class EndpointUnavailable(ModelError):
    """A remote language model does not answer, or not with an answer; later it may."""

    code = "llm_unavailable"
    permanent = False


class EndpointRefused(ModelError):
    """A remote language model does not serve us: a wrong key, address or model name."""

    code = "llm_refused"


class AskRefused(ModelError):
    """A remote language model does not take one particular ask, such as one that is too long for it."""

    code = "llm_ask_refused"


class NotTunable(ModelError):
    """A language model that cannot be taught here, such as one behind an endpoint."""

    code = "llm_not_tunable"


class MentionOutside(ModelError):
    """A mention is not a stretch of its text."""

    code = "mention_outside"


class MentionTooLong(ModelError):
    """A mention is longer than the encoder reads at once; what stands around it is cut, the mention never is."""

    code = "mention_too_long"


class Complaints(ModelError):
    """What a user wrote cannot be used, for all of these reasons."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        lines = [finding.message for finding in self.findings.errors]
        more = self.findings.total - len(lines)
        return "\n".join([*lines, f"and {more:,} more"] if more > 0 else lines)

    def details(self) -> dict[str, Any]:
        """What is to be told beside code and message: each problem, and how many there are in all."""
        problems = [{"line": each.line, "code": each.code, "message": each.message} for each in self.findings.errors]
        return {"problems": problems, "total": self.findings.total}


class InvalidExamples(Complaints):
    """Examples that nothing can be learnt from."""

    code = "invalid_examples"


class InvalidTypes(Complaints):
    """Types that mentions cannot be told by."""

    code = "invalid_types"
