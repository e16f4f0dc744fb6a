#!/bin/bash
# Starts this container's part of the Ray cluster: `ray-part head`, or `ray-part node`, which joins the head.
set -euo pipefail
if [ -z "${RAY_AUTH_TOKEN:-}${RAY_AUTH_TOKEN_PATH:-}" ]; then
  echo "ravine: RAY_AUTH_TOKEN is not set: docs/compose.md shows how to make the .env file with all secrets." >&2
  exit 2
fi
# Workers keep nothing in Ray's object store: the smallest one will do.
common=(--block --disable-usage-stats --object-store-memory=78643200)
case $1 in
  # The head trains nothing: what runs on it would end with it.
  head) exec ray start --head --port=6379 --dashboard-host=0.0.0.0 --num-cpus=0 "${common[@]}" ;;
  node) exec ray start --address=ray-head:6379 --num-cpus="$RAVINE_RAY_NODE_CPUS" "${common[@]}" ;;
esac
