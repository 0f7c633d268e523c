#!/usr/bin/env bash
# A real Apache Kafka (KRaft, one process, loopback only) for tests and benches. scripts/setup.sh test brings the jars.
#
#   kafka.sh start  [--dir D] [--port N] [--heap 512m] [--tls] [--sasl]   prints the bootstrap address on stdout
#   kafka.sh stop   [--dir D] [--kill] [--wipe]       --kill: as a crash does; --wipe: removes the data as well
#   kafka.sh status [--dir D]                         prints the address and exits 0 where it runs, else exits 1
#   kafka.sh topics [--dir D] ARGS..                  Kafka's own topic tool: --list, --create --topic T --partitions 8
#   kafka.sh tool   [--dir D] CLASS ARGS..            any tool of kafka-tools by its class, with the bootstrap address
#
# Each --dir is an instance of its own with its data, its pid file and its address; the default one lies in the cache.
# A start on a directory with data in it goes on with that data. Ports are free ones unless --port names the broker's.
# --tls and --sasl add a second listener (SSL, SASL_PLAINTEXT or SASL_SSL) and print its address in place of the plain
# one: the user is qingting, the password is in DIR/password (SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN), the
# certificate authority in DIR/ca.pem.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() { sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

[ $# -ge 1 ] || usage
command=$1
shift
directory=$cache/kafka-run/default
port="" heap=512m tls="" sasl="" signal=TERM wipe=""
while [ $# -gt 0 ]; do
    case $1 in
        --dir) directory=${2:?--dir needs a directory}; shift 2 ;;
        --port) port=${2:?--port needs a number}; shift 2 ;;
        --heap) heap=${2:?--heap needs a size such as 512m}; shift 2 ;;
        --tls) tls=yes; shift ;;
        --sasl) sasl=yes; shift ;;
        --kill) signal=KILL; shift ;;
        --wipe) wipe=yes; shift ;;
        *) break ;;
    esac
done

kafka_version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$repository/scripts/kafka/pom.xml")
jars=$cache/kafka-$kafka_version
pid_file=$directory/pid
address_file=$directory/address

# The pid file holds the pid and the start time of the process, so that a number used again is not taken for ours.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
running() {
    local pid started
    [ -s "$pid_file" ] && read -r pid started <"$pid_file" && [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

write_certificates() {
    [ -s "$directory/server.pem" ] && return 0
    command -v openssl >/dev/null || fail "--tls needs openssl"
    (
        cd "$directory"
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=qingting-test-ca -keyout ca.key -out ca.pem
        openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr
        printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >server.ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out server.crt
        openssl pkcs8 -topk8 -nocrypt -in server.key -out server.pk8
        cat server.pk8 server.crt ca.pem >server.pem
    ) >"$directory/openssl.log" 2>&1 || fail "openssl could not make the certificates: $directory/openssl.log"
}

write_properties() {
    local controller_port=$1 secure_port=$2
    local listeners=PLAINTEXT://127.0.0.1:$port advertised=PLAINTEXT://127.0.0.1:$port
    if [ -n "$secure_port" ]; then
        listeners=$listeners,$protocol://127.0.0.1:$secure_port
        advertised=$advertised,$protocol://127.0.0.1:$secure_port
    fi
    cat >"$directory/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=$listeners,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=$advertised
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=$directory/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
num.partitions=4
# a record of 10 MiB fits
message.max.bytes=16777216
replica.fetch.max.bytes=16777216
socket.request.max.bytes=134217728
log.cleaner.dedupe.buffer.size=33554432
log.retention.ms=-1
PROPERTIES
    if [ -n "$tls" ]; then
        cat >>"$directory/server.properties" <<PROPERTIES
ssl.keystore.type=PEM
ssl.keystore.location=$directory/server.pem
PROPERTIES
    fi
    if [ -n "$sasl" ]; then
        local listener
        listener=listener.name.$(printf %s "$protocol" | tr 'A-Z' 'a-z')
        cat >>"$directory/server.properties" <<PROPERTIES
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
$listener.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_qingting="$password";
$listener.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
$listener.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
    fi
}

start() {
    if running; then
        cat "$address_file"
        return 0
    fi
    [ -f "$jars/complete" ] || fail "no Kafka in $jars: run scripts/setup.sh test"
    mkdir -p "$directory"
    directory=$(cd "$directory" && pwd)
    local fresh=yes
    [ -d "$directory/data" ] && fresh=""
    [ -n "$port" ] || port=$(free_port)
    local controller_port secure_port="" protocol="" password=""
    # The quorum's address is part of the data: a restart keeps the controller's port.
    controller_port=$(cat "$directory/controller_port" 2>/dev/null || free_port)
    echo "$controller_port" >"$directory/controller_port"
    case $tls/$sasl in
        yes/yes) protocol=SASL_SSL ;;
        yes/) protocol=SSL ;;
        /yes) protocol=SASL_PLAINTEXT ;;
    esac
    [ -z "$protocol" ] || secure_port=$(free_port)
    [ -z "$tls" ] || write_certificates
    if [ -n "$sasl" ]; then
        [ -s "$directory/password" ] || head -c 18 /dev/urandom | base64 | tr '+/' 'ab' >"$directory/password"
        password=$(cat "$directory/password")
    fi
    write_properties "$controller_port" "$secure_port"
    if [ -n "$fresh" ]; then
        local cluster_id scram=()
        cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-22)
        # an id that begins with a dash would be taken for a flag
        cluster_id=q${cluster_id#?}
        if [ -n "$sasl" ]; then
            scram=(--add-scram "SCRAM-SHA-256=[name=qingting,password=$password]"
                --add-scram "SCRAM-SHA-512=[name=qingting,password=$password]")
        fi
        java -Xmx128m -cp "$jars/*" kafka.tools.StorageTool format -t "$cluster_id" -c "$directory/server.properties" \
            "${scram[@]}" >"$directory/format.log" 2>&1 || fail "kafka could not format its storage: $directory/format.log"
    fi
    # Detached with no descriptor of ours left open: a caller that waits for its pipes must not wait for the broker.
    (
        for descriptor in /proc/self/fd/*; do
            number=${descriptor##*/}
            [ "$number" -le 2 ] || eval "exec $number>&-" 2>/dev/null || true
        done
        exec setsid java "-Xmx$heap" -Xms128m -XX:+UseSerialGC -cp "$jars/*" kafka.Kafka \
            "$directory/server.properties" </dev/null >>"$directory/kafka.log" 2>&1
    ) &
    local pid=$! waited=0
    sleep 0.1
    echo "$pid $(start_time "$pid")" >"$pid_file"
    until (exec 3<>"/dev/tcp/127.0.0.1/${secure_port:-$port}") 2>/dev/null; do
        kill -0 "$pid" 2>/dev/null || fail "kafka ended at its start: $directory/kafka.log"
        waited=$((waited + 1))
        [ "$waited" -lt 600 ] || fail "kafka does not listen on port $port after 60 s: $directory/kafka.log"
        sleep 0.1
    done
    echo "127.0.0.1:$port" >"$directory/plain_address"
    echo "127.0.0.1:${secure_port:-$port}" | tee "$address_file"
}

stop() {
    if running; then
        local pid waited=0
        read -r pid _ <"$pid_file"
        kill "-$signal" "$pid"
        while kill -0 "$pid" 2>/dev/null && running; do
            waited=$((waited + 1))
            [ "$waited" -ne 200 ] || kill -KILL "$pid" 2>/dev/null || true
            [ "$waited" -lt 300 ] || fail "process $pid does not end"
            sleep 0.1
        done
    fi
    rm -f "$pid_file" "$address_file"
    [ -z "$wipe" ] || rm -rf "$directory"
}

tool() {
    running || fail "no kafka runs in $directory"
    java -Xmx256m -cp "$jars/*" "$1" --bootstrap-server "$(cat "$directory/plain_address")" "${@:2}"
}

case $command in
    start) start ;;
    stop) stop ;;
    status) running && cat "$address_file" ;;
    topics) tool org.apache.kafka.tools.TopicCommand "$@" ;;
    tool) [ $# -ge 1 ] || usage; tool "$@" ;;
    *) usage ;;
esac
