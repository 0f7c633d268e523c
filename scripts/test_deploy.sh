# Part of test.sh (sourced): the files of deploy/ are what their own tools accept, and name only what exists.

tools=$cache/tools/usr/bin
tool() { command -v "$1" || { [ -x "$tools/$1" ] && echo "$tools/$1"; }; }

if promtool=$(tool promtool); then
    check "promtool check rules" "$promtool" check rules deploy/prometheus/rules.yml
    check "promtool check config" "$promtool" check config deploy/prometheus/prometheus.yml
    check "promtool test rules" "$promtool" test rules deploy/prometheus/rules_test.yml
else
    not_tested prometheus_rules "no promtool: Debian's package prometheus is not to be had"
fi
if amtool=$(tool amtool); then
    check "amtool check-config" "$amtool" check-config deploy/alertmanager/alertmanager.yml
else
    not_tested alertmanager_config "no amtool: Debian's package prometheus-alertmanager is not to be had"
fi

systemd_unit_is_accepted() {
    local said
    # the program is not installed where the unit has it
    said=$(systemd-analyze verify deploy/systemd/qingting.service 2>&1 | grep -v 'Command /usr/local/bin/qingting is not executable')
    [ -z "$said" ] || { echo "$said"; return 1; }
}
if command -v systemd-analyze >/dev/null; then
    check "systemd-analyze verify" systemd_unit_is_accepted
else
    not_tested systemd_unit "no systemd-analyze on this machine"
fi

for config in deploy/*.toml; do
    check "qingting validate $config" cargo run --quiet -- validate -c "$config"
done
check "rules, runbooks and metrics agree" python3 scripts/check_metrics.py
