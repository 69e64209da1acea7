"""The face: the command line, the Python client and the embedded stack.

`tagwerk.Client` is what programs use; the errors that it raises are beside it.
"""

from tagwerk.client import Client
from tagwerk.errors import FaceError, ServiceError, ServiceUnavailable, Unauthorized, WaitTimeout

__all__ = ["Client", "FaceError", "ServiceError", "ServiceUnavailable", "Unauthorized", "WaitTimeout"]
