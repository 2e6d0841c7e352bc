# The image of gpucost: the operator, the command line, and the simulated exporter of `make kind`.
#
#   docker build -t gpucost:dev .
#
# For a build that others can repeat, give the digest of the base image, and the time of the commit as SOURCE_DATE_EPOCH:
# the wheel, the compiled modules and the times of all files come from these and the commit alone.
#
# Size budget: /opt/venv, which is all that is added to the base image, stays under 280 MB (`make image-check`).

ARG PYTHON_IMAGE=python:3.12-slim
# Such as sha256:...; empty: whatever the tag names today.
ARG PYTHON_DIGEST=

FROM ${PYTHON_IMAGE}${PYTHON_DIGEST:+@${PYTHON_DIGEST}} AS builder
ARG SOURCE_DATE_EPOCH=0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY constraints.txt ./
RUN python -m pip install --only-binary :all: -c constraints.txt hatchling
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
# Without isolation, since the isolated build would not keep to the constraints.
RUN python -m pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .
# Wheels only: nothing is compiled here, so the image needs no compiler and every architecture gets the same sources.
RUN python -m pip wheel --only-binary :all: -c constraints.txt --wheel-dir /wheels /wheels/gpucost-*.whl
RUN python -m venv --without-pip /opt/venv
RUN python -m pip --python /opt/venv/bin/python install --no-index --find-links /wheels --no-compile gpucost
# Compiled here and never checked again, since the root is read-only where it runs.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib
RUN find /opt/venv -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM ${PYTHON_IMAGE}${PYTHON_DIGEST:+@${PYTHON_DIGEST}}
# What installs software is not needed any more, and useful only to an intruder.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["gpucost"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://github.com/gpucost/gpucost
LABEL org.opencontainers.image.title="gpucost" \
      org.opencontainers.image.description="Attributes the cost of GPU nodes to teams, reconciled with the node bill" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
