#!/usr/bin/env bash
# Trains the models from the labels and data beside the repository (QINGTING_SHARED, else ../shared); arguments go to train.py.
# Python's packages and what is made on the way go into the cache.
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
# Large blocks stay with the process between steps: giving them back and asking anew takes a tenth of the time.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_ARENA_MAX=2
exec "$python" models/train/train.py --data "$shared" --work "$cache/model-work" "$@"
