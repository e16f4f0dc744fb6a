#!/bin/bash
# Runs a command, where RAVINE_EXECUTOR is ray once Ray answers: Compose cannot wait for a service of a profile.
# After two minutes the command may say itself what is wrong with Ray.
set -euo pipefail
if [ "${RAVINE_EXECUTOR:-}" = ray ]; then
  for _ in $(seq 120); do
    healthy http 8265 /api/gcs_healthz ray-head 2>/dev/null && break
    sleep 1
  done
fi
exec "$@"
