"""The custom resources of ``gpucost.io``, as pydantic models: what the CRDs are generated from and what is written."""
