#!/usr/bin/env bash
# setup.sh demo|test: says what is missing on a Debian machine with Rust, installs it where it may, else prints the
# one line to run. Nothing but what is missing is touched, and a second run takes well under a second.
#
#   demo   what the build and `qingting demo` need: C and C++ compilers, libssl, ONNX Runtime
#   test   also what the tests need: Apache Kafka and the Java to run it, promtool, Alertmanager
#
# Downloads go through apt, pip and Maven as this machine has them set up, into the cache directory (QINGTING_CACHE,
# else ~/.cache/qingting). ONNX Runtime is linked to .runtime/libonnxruntime.so in the tree.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

onnxruntime_version=1.31.1
onnxruntime_sha256_x86_64=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
onnxruntime_sha256_aarch64=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3

purpose=${1:-demo}
case $purpose in
    demo | test) ;;
    *) fail "unknown purpose '$purpose': setup.sh demo | test" ;;
esac

# --- packages of the system ---------------------------------------------------------------------------------------

# Prints what goes before a command that must run as root: nothing, or sudo where it asks for no password.
become_root() {
    [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && echo "sudo -n"; }
}

# Prints the Debian packages that are missing. Looks for what a package brings, so that a machine which has it from
# elsewhere (a JDK, a pyenv) is left alone.
missing_packages() {
    command -v cc >/dev/null || echo gcc libc6-dev
    command -v c++ >/dev/null || echo g++
    command -v make >/dev/null || echo make
    command -v perl >/dev/null || echo perl
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists openssl 2>/dev/null || echo libssl-dev
    pkg-config --exists zlib 2>/dev/null || echo zlib1g-dev
    command -v python3 >/dev/null || echo python3
    have_onnxruntime || have_pip || echo python3-pip
    [ "$purpose" = test ] || return 0
    command -v java >/dev/null || echo default-jre-headless
    [ -f "$kafka_jars/complete" ] || command -v mvn >/dev/null || echo maven
    command -v curl >/dev/null || echo curl
}

have_pip() { python3 -m pip --version >/dev/null 2>&1; }
have_onnxruntime() { [ -s "$onnxruntime_library" ]; }

install_packages() {
    local packages as_root
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "${packages// /}" ] || return 0
    say "missing packages: $packages"
    command -v apt-get >/dev/null || fail "this machine has no apt-get: install what these packages bring: $packages"
    as_root=$(become_root) || {
        say "run this once, then try again:"
        say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $packages"
        exit 1
    }
    # shellcheck disable=SC2086 # both are lists of words
    {
        $as_root apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
    }
}

# --- ONNX Runtime ---------------------------------------------------------------------------------------------------

install_onnxruntime() {
    if ! have_onnxruntime; then
        say "getting ONNX Runtime $onnxruntime_version"
        local part wheel expected
        part=$(scratch_directory)
        pip_command -q download --no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
            --platform "manylinux_2_28_$machine" --dest "$part" "onnxruntime==$onnxruntime_version" >&2 ||
            fail "pip could not get onnxruntime $onnxruntime_version for $machine"
        wheel=$(echo "$part"/onnxruntime-*.whl)
        expected=onnxruntime_sha256_$machine
        echo "${!expected}  $wheel" | sha256sum --check --quiet >&2 || fail "$wheel is not the file that was pinned"
        python3 -m zipfile -e "$wheel" "$part/unpacked"
        mkdir -p "$(dirname "$onnxruntime_library")"
        mv "$part/unpacked/onnxruntime/capi/libonnxruntime.so.$onnxruntime_version" "$onnxruntime_library"
        rm -rf "$part"
    fi
    mkdir -p "$repository/.runtime"
    local link=$repository/.runtime/libonnxruntime.so
    [ "$(readlink "$link" 2>/dev/null)" = "$onnxruntime_library" ] || ln -sfn "$onnxruntime_library" "$link"
}

# pip of this machine, or one in an environment of our own.
pip_command() {
    if have_pip; then
        python3 -m pip "$@"
    else
        [ -x "$cache/pip/bin/pip" ] || python3 -m venv "$cache/pip" || fail "neither pip nor venv: install python3-pip"
        "$cache/pip/bin/pip" "$@"
    fi
}

# --- what only tests need -------------------------------------------------------------------------------------------

install_kafka() {
    [ -f "$kafka_jars/complete" ] && return 0
    say "getting Apache Kafka $kafka_version"
    local part
    part=$(scratch_directory)
    mvn -q -B -f "$repository/scripts/kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$part" >&2 || fail "maven could not get the jars named in scripts/kafka/pom.xml"
    touch "$part/complete"
    rm -rf "$kafka_jars"
    mkdir -p "$(dirname "$kafka_jars")"
    mv "$part" "$kafka_jars"
}

# promtool and Alertmanager out of their Debian packages, unpacked and not installed: installing would start services.
install_prometheus_tools() {
    local part package
    for package in prometheus prometheus-alertmanager; do
        [ -x "$cache/tools/usr/bin/$package" ] && continue
        command -v apt-get >/dev/null || continue
        say "getting the tools of Debian's package $package"
        part=$(scratch_directory)
        if (cd "$part" && { apt-get -o APT::Sandbox::User=root download -qq "$package" || { apt-get update -qq && apt-get -o APT::Sandbox::User=root download -qq "$package"; }; }) >&2; then
            dpkg-deb -x "$part"/"$package"_*.deb "$part/unpacked"
            mkdir -p "$cache/tools"
            cp -r "$part/unpacked/." "$cache/tools/"
        else
            say "package $package is not to be had; the checks that need it will be skipped by name"
        fi
        rm -rf "$part"
    done
    install_alertmanager_templates
}

# Debian's Alertmanager reads its templates from where the package has them, and from nowhere else.
install_alertmanager_templates() {
    local there=/usr/share/prometheus/alertmanager as_root
    [ -e "$there/default.tmpl" ] && return 0
    [ -d "$cache/tools$there" ] || return 0
    as_root=$(become_root) || { say "not root: the tests with a real Alertmanager will be skipped by name"; return 0; }
    $as_root mkdir -p "$there"
    $as_root cp "$cache/tools$there"/*.tmpl "$there/"
}

machine=$(uname -m)
case $machine in
    x86_64 | aarch64) ;;
    *) fail "no ONNX Runtime is pinned for $machine: x86_64 and aarch64 are supported" ;;
esac
onnxruntime_library=$cache/onnxruntime-$onnxruntime_version-$machine/libonnxruntime.so
kafka_version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$repository/scripts/kafka/pom.xml")
kafka_jars=$cache/kafka-$kafka_version

command -v cargo >/dev/null || fail "no cargo on the path: install Rust 1.95 or later, then try again"
install_packages
install_onnxruntime
[ "$purpose" = demo ] || {
    install_kafka
    install_prometheus_tools
}
