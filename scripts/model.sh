#!/usr/bin/env bash
# Trains models/fast from the labels beside the repository (QINGTING_SHARED, else ../shared); arguments go to train.py.
# Python's packages go into an environment in the cache.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$repository"

shared=${QINGTING_SHARED:-$repository/../shared}
[ -d "$shared/labels" ] || fail "no labels in $shared: set QINGTING_SHARED to the directory with labels/ and data/"
python=$cache/model-environment/bin/python
requirements=models/train/requirements.txt
if ! cmp -s "$requirements" "$cache/model-environment/installed.txt"; then
    say "installing what $requirements names; torch is large"
    python3 -m venv "$cache/model-environment" || fail "no venv: install python3-venv"
    "$python" -m pip install -q -r "$requirements" >&2
    cp "$requirements" "$cache/model-environment/installed.txt"
fi
exec "$python" models/train/train.py --data "$shared" "$@"
