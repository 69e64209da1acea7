"""What can go wrong with models: one class a cause, each permanent or transient as a fact of the class."""

from __future__ import annotations


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


class BadArtifact(ModelError):
    """A tagger artifact is incomplete or damaged."""

    code = "bad_artifact"


class BadTrainingData(ModelError):
    """The training data is missing or cannot be used."""

    code = "bad_training_data"


class DeviceUnavailable(ModelError):
    """The device named by the operator is not there or does not compute."""

    code = "device_unavailable"
