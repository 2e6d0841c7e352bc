#!/usr/bin/env bash
# A kind cluster that looks as if it had GPUs, with gpucost on it. Safe to run again: what is there stays.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=gpucost
image=gpucost:kind
context=kind-$cluster
wait_seconds=600

say() { echo "$*" >&2; }
fail() { say "make kind: $*"; exit 1; }
k() { kubectl --context "$context" "$@"; }

check_tools() {
  for tool in docker kind helm kubectl; do
    command -v "$tool" >/dev/null || fail "$tool is not installed; install it, or see the same on this machine with make sandbox-up"
  done
  docker info >/dev/null 2>&1 || fail "Docker does not answer; start it, and let this user reach it (docker info)"
}

create_cluster() {
  if kind get clusters 2>/dev/null | grep -qx "$cluster"; then
    say "The cluster $cluster is there."
  else
    kind create cluster --config kind-config.yaml --wait 120s
  fi
  kind load docker-image "$image" --name "$cluster"
}

# A line of capacity.yaml is `node: {resources}`, and the braces are JSON.
advertise_gpus() {
  local node resources
  while IFS= read -r line; do
    node=${line%%:*} resources=${line#*: }
    k patch node "$node" --subresource=status --type=merge \
      -p "{\"status\":{\"capacity\":$resources,\"allocatable\":$resources}}"
  done < <(grep -v '^#' hack/kind/capacity.yaml)
}

install() {
  k apply -f hack/kind/exporters.yaml -f hack/kind/prometheus.yaml -f hack/kind/workloads.yaml
  # The image may be a new one under the same name.
  k -n gpu-operator rollout restart daemonset/nvidia-dcgm-exporter
  k -n gpu-operator rollout status daemonset/nvidia-dcgm-exporter --timeout=180s
  k -n monitoring rollout status deployment/prometheus --timeout=180s
  helm upgrade --install gpucost charts/gpucost --kube-context "$context" \
    --namespace gpucost --create-namespace -f hack/kind/values.yaml
  k -n gpucost rollout restart deployment/gpucost
  k -n gpucost rollout status deployment/gpucost --timeout=180s
}

wait_for_reports() {
  local waited=0
  say "Waiting for the first reports: a window of one minute must pass, and its samples must be in."
  until [ -n "$(k get gcr -A --no-headers 2>/dev/null)" ]; do
    [ "$waited" -lt "$wait_seconds" ] ||
      fail "there is no report after $wait_seconds s; see kubectl --context $context -n gpucost logs deploy/gpucost"
    sleep 10
    waited=$((waited + 10))
    say "  $waited s ..."
  done
}

check_tools
case "${1:-up}" in
  up)
    docker image inspect "$image" >/dev/null 2>&1 || fail "there is no image $image; make kind builds it first"
    create_cluster
    advertise_gpus
    install
    wait_for_reports
    k get gcr -A
    ;;
  check) ;;
  down) kind delete cluster --name "$cluster" ;;
  *) fail "unknown word $1; say up, check or down" ;;
esac
