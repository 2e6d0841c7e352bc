"""Every error that gpucost raises on purpose. A message names the object, the cause and the fix."""


class GpuCostError(Exception):
    """Base of all of them; ``str(error)`` is one sentence for people."""


class ConfigurationError(GpuCostError):
    """A setting, a file or an argument is wrong; trying again does not help."""


class InputError(GpuCostError):
    """A file or an object that was handed in cannot be understood."""


class SourceUnavailable(GpuCostError):
    """The API server or Prometheus did not answer usefully; trying again may help."""


class IncompleteAnswer(SourceUnavailable):
    """An answer came but says of itself that it is partial (warnings, errors, time-out)."""


class Conflict(GpuCostError):
    """Another writer was first; read again and go on from there."""


class Refused(GpuCostError):
    """The API server refuses this object; the others are not affected."""


class NotLeading(BaseException):
    """Another replica does the work now, so this one writes nothing.

    Nothing failed, and nothing is to be tried again or told. So it is no Exception: like a cancelled task, it goes past
    whoever deals with failures, to whoever gave the work out.
    """
