# Shared by the scripts beside it; sourced, not run. Names where caches live and how messages look.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${QINGTING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qingting}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$repository/target}

say() { printf '%s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Bytes arrive under another name and are moved into place whole, so that an interrupted run leaves nothing half done.
scratch_directory() { mkdir -p "$cache" && mktemp -d "$cache/.part.XXXXXX"; }

# A TCP port of the loopback interface that nothing listens on at this moment.
free_port() {
    python3 - <<'PY'
import socket
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    print(probe.getsockname()[1])
PY
}
