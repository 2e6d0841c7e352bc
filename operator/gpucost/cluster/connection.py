"""The way to the API server: an explicit kubeconfig, ``$KUBECONFIG``, the pod's account, or ``~/.kube/config``."""

import os
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from gpucost.model.errors import ConfigurationError

TIMEOUT_SECONDS = (3.0, 7.0)
"""To connect, and between two reads. Short: a call in a thread holds the exit of the process until it ends."""

_DEFAULT_KUBECONFIG = Path("~/.kube/config")


def connect(
    kubeconfig: Path | None = None, *, context: str | None = None, environ: Mapping[str, str] = os.environ
) -> ApiClient:
    """A client that does not retry on its own: its caller knows when trying again makes sense.

    Raises ConfigurationError where there is no way to an API server, or a broken one.
    """
    configuration = Configuration(retries=False)
    if kubeconfig is not None:
        _load_file(configuration, str(kubeconfig), context, "--kubeconfig")
    elif environ.get("KUBECONFIG"):
        _load_file(configuration, environ["KUBECONFIG"], context, "$KUBECONFIG")
    elif environ.get("KUBERNETES_SERVICE_HOST"):
        _load_account(configuration)
    elif _DEFAULT_KUBECONFIG.expanduser().is_file():
        _load_file(configuration, str(_DEFAULT_KUBECONFIG.expanduser()), context, str(_DEFAULT_KUBECONFIG))
    else:
        raise ConfigurationError(
            "No Kubernetes cluster is configured: there is no --kubeconfig, no $KUBECONFIG, no service account and"
            f" no {_DEFAULT_KUBECONFIG}; name a kubeconfig"
        )
    return ApiClient(configuration)


def _load_file(configuration: Configuration, path: str, context: str | None, origin: str) -> None:
    """``path`` may be several, as kubectl takes them in ``$KUBECONFIG``: those that are there count."""
    if not any(Path(part).expanduser().is_file() for part in path.split(os.pathsep)):
        raise ConfigurationError(
            f"The kubeconfig {path} (from {origin}) cannot be used: there is no such file; name the one that kubectl"
            f" uses, such as {_DEFAULT_KUBECONFIG}"
        )
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            path, context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, OSError, yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(
            f"The kubeconfig {path} (from {origin}) cannot be used: {cause.rstrip('.')};"
            f' try it with "KUBECONFIG={quote(path)} kubectl get nodes"'
        ) from error


def _load_account(configuration: Configuration) -> None:
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        raise ConfigurationError(
            f"The pod's service account cannot be used: {error}; set automountServiceAccountToken: true on the pod"
        ) from error
