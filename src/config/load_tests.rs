use super::*;
use crate::config::*;

fn parse(text: &str) -> Result<Config, Vec<ConfigError>> {
    Config::parse(text, &BTreeMap::new())
}

fn errors(text: &str) -> Vec<ConfigError> {
    parse(text).expect_err("an error was expected")
}

/// The only error of `text`, as it is printed.
fn error(text: &str) -> String {
    let errors = errors(text);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors[0].to_string()
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const KAFKA: &str = "[kafka]\nbrokers = \"localhost:9092\"\n";

#[test]
fn a_file_only_configuration_needs_neither_kafka_nor_model() {
    let config = parse("[[source]]\nname = \"reviews\"\nfiles = [\"in/*.ndjson\"]\n").unwrap();
    assert!(config.kafka.is_none());
    assert_eq!(config.model.name, "fast");
    assert_eq!(config.sources[0].format, "auto");
    assert_eq!(config.time.zone, chrono_tz::Asia::Shanghai);
    assert_eq!(config.time.lateness, Duration::from_secs(48 * 3600));
    assert!(config.rules.is_empty());
    assert_eq!(config.http.listen, "127.0.0.1:7700");
}

#[test]
fn the_example_is_valid() {
    let text = include_str!("../../deploy/qingting.example.toml");
    let config = parse(text).unwrap();
    assert!(!config.sources.is_empty() && !config.rules.is_empty() && !config.receivers.is_empty());
}

#[test]
fn all_errors_come_at_once_with_their_lines() {
    let text = "\
data_dri = \"x\"
[time]
zone = \"Asia/Shanghia\"
[checkpoint]
interval = 5
max_items = 0
[[source]]
name = \"a\"
topics = [\"t\"]
kind = \"reviews\"
[[source]]
name = \"a\"
";
    let errors = errors(text);
    let found: Vec<(String, Option<usize>)> = errors.iter().map(|error| (error.path.clone(), error.line)).collect();
    let expected = [
        ("data_dri", 1),
        ("time.zone", 3),
        ("checkpoint.interval", 5),
        ("checkpoint.max_items", 6),
        ("source[0].topics", 9),
        ("source[0].kind", 10),
        ("source[1]", 11),
        ("source[1].name", 12),
    ];
    let expected: Vec<(String, Option<usize>)> = expected
        .iter()
        .map(|(path, line)| ((*path).to_owned(), Some(*line)))
        .collect();
    assert_eq!(found, expected, "{errors:#?}");
}

#[test]
fn an_unknown_key_suggests_the_nearest() {
    assert!(error("[http]\nlisen = \"127.0.0.1:1\"").contains("did you mean `listen`?"));
    let error = &errors("[[rule]]\nname = \"r\"\nkind = \"spike\"\nmin_curent = 5")[0];
    assert_eq!((error.path.as_str(), error.line), ("rule[0].min_curent", Some(4)));
    assert!(error.message.contains("`min_current`"), "{error}");
    assert!(error.allowed.as_deref().unwrap().contains("min_authors"), "{error}");
}

#[test]
fn an_unknown_value_says_what_is_allowed() {
    let error = error("[time]\nclock = \"sistem\"");
    assert!(
        error.contains("did you mean `system`?") && error.contains("allowed: system, event"),
        "{error}"
    );
}

#[test]
fn keys_of_later_versions_are_refused_and_not_ignored() {
    for text in [
        "[time]\ncalendar = \"days.csv\"",
        "[index]\nretention_days = 30",
        "[output]\ntopic = \"t\"",
        "[[source]]\nname = \"a\"\nfiles = [\"x\"]\nexpected_every = \"6h\"",
        "[priority]\nmethod = \"urgency_impact\"",
        "[http]\ntls_cert = \"x\"",
        "[http]\ntokens_file = \"x\"",
        "[[rule]]\nname = \"r\"\nkind = \"drop\"",
        "[[rule]]\nname = \"r\"\nkind = \"spike\"\nby = [\"term\"]",
        "[[rule]]\nname = \"r\"\nkind = \"spike\"\n[[rule.expect]]\nnever = true",
        "[[receiver]]\nname = \"f\"\ntype = \"feishu\"",
    ] {
        let error = error(text);
        assert!(error.contains("not supported yet in this version"), "{text}: {error}");
    }
}

#[test]
fn syntax_errors_have_their_line() {
    let errors = errors("data_dir = \"x\"\n[time\nzone = 1\n");
    assert!(
        errors
            .iter()
            .any(|error| error.line == Some(2) && error.message.starts_with("not TOML")),
        "{errors:#?}"
    );
}

#[test]
fn the_environment_overrides_the_file_and_is_named_in_errors() {
    let text = format!("{KAFKA}[[source]]\nname = \"a\"\ntopics = [\"t\"]\n");
    let variables = environment(&[
        ("QINGTING_KAFKA__BROKERS", "kafka:9092"),
        ("QINGTING_KAFKA__PROPERTIES__SASL_PASSWORD", "secret"),
        ("QINGTING_CHECKPOINT__MAX_ITEMS", "200"),
        ("QINGTING_ALERTING__DELIVER_HISTORY", "true"),
        ("QINGTING_DATA_DIR", "/srv/q"),
        ("QINGTING_SHARED", "not ours"),
        ("PATH", "/bin"),
    ]);
    let config = Config::parse(&text, &variables).unwrap();
    let kafka = config.kafka.unwrap();
    assert_eq!(kafka.brokers, "kafka:9092");
    assert_eq!(kafka.properties["sasl.password"], "secret");
    assert_eq!(config.checkpoint.max_items, 200);
    assert!(config.alerting.deliver_history);
    assert_eq!(config.data_dir, PathBuf::from("/srv/q"));

    let wrong = environment(&[
        ("QINGTING_CHECKPOINT__MAX_ITEMS", "many"),
        ("QINGTING_HTPP__LISTEN", "x"),
    ]);
    let errors = Config::parse(&text, &wrong).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        shown
            .iter()
            .any(|error| error.contains("QINGTING_CHECKPOINT__MAX_ITEMS")),
        "{shown:#?}"
    );
    assert!(
        shown.iter().any(|error| error.contains("did you mean `http`?")),
        "{shown:#?}"
    );
}

#[test]
fn a_section_from_the_environment_alone_works() {
    let text = "[[source]]\nname = \"a\"\ntopics = [\"t\"]\n";
    let config = Config::parse(text, &environment(&[("QINGTING_KAFKA__BROKERS", "k:1")])).unwrap();
    assert_eq!(config.kafka.unwrap().group, "qingting");
}

#[test]
fn topics_without_brokers_are_an_error() {
    assert!(error("[[source]]\nname = \"a\"\ntopics = [\"t\"]").contains("[kafka]"));
    assert!(error("[dead_letter]\ntopic = \"d\"").contains("[kafka]"));
}

#[test]
fn a_source_cannot_read_what_we_write() {
    let source =
        |input: &str| format!("{KAFKA}[dead_letter]\ntopic = \"voice.dead\"\n[[source]]\nname = \"a\"\n{input}\n");
    assert!(error(&source("topics = [\"voice.dead\"]")).contains("our dead letters go"));
    assert!(error(&source("topic_pattern = \"voice.*\"")).contains("matches `voice.dead`"));
    assert!(parse(&source("topic_pattern = \"voice\\\\.in\\\\..*\"")).is_ok());
    let alerts = format!(
        "{KAFKA}[[receiver]]\nname = \"k\"\ntype = \"kafka\"\ntopic = \"alerts\"\n[[source]]\nname = \"a\"\ntopic_pattern = \"al.*\"\n"
    );
    assert!(error(&alerts).contains("our alerts go"));
}

#[test]
fn a_topic_has_one_source() {
    let two = |second: &str| {
        format!("{KAFKA}[[source]]\nname = \"a\"\ntopics = [\"t1\"]\n[[source]]\nname = \"b\"\n{second}\n")
    };
    assert!(error(&two("topics = [\"t2\", \"t1\"]")).contains("source `a` reads this topic already"));
    assert!(error(&two("topic_pattern = \"t[0-9]\"")).contains("source `a` reads already"));
    assert!(error(&two("topic_pattern = \"t[\"")).contains("not a regular expression"));
}

#[test]
fn a_pattern_is_anchored_at_both_ends() {
    let regex = anchored("a|b").unwrap();
    assert!(regex.is_match("a") && regex.is_match("b") && !regex.is_match("ab") && !regex.is_match("xb"));
}

#[test]
fn a_source_reads_from_exactly_one_thing() {
    assert!(error("[[source]]\nname = \"a\"").contains("nothing to read from"));
    let both = format!("{KAFKA}[[source]]\nname = \"a\"\ntopics = [\"t\"]\nfiles = [\"f\"]");
    assert!(error(&both).contains("more than one"));
}

#[test]
fn a_source_names_a_format_that_is_known() {
    let source = |format: &str| format!("[[source]]\nname = \"a\"\nfiles = [\"f\"]\nformat = \"{format}\"");
    assert!(error(&source("jd_coment")).contains("did you mean `jd_comment`?"));
    assert!(parse(&source("auto")).is_ok() && parse(&source("item")).is_ok());
}

#[test]
fn rules_take_their_defaults_from_the_sensitivity() {
    let rule = "[[rule]]\nname = \"r\"\nkind = \"spike\"\nby = [\"aspect\", \"product\"]\nwhere = \"valid:true\"\n";
    let config = parse(&format!("[alerting]\nsensitivity = \"more\"\n{rule}")).unwrap();
    let spike = &config.rules[0];
    assert_eq!((spike.p, spike.min_current, spike.min_authors), (1e-3, 5, 3));
    assert_eq!((spike.increase, spike.reference), (2.0, Reference::Weeks(8)));
    assert_eq!(spike.window, Duration::from_secs(7 * 86_400));
    let config = parse(&format!(
        "{rule}p = 1e-6\nmin_current = 12\nreference = \"previous\"\nwindow = \"1d\""
    ))
    .unwrap();
    let spike = &config.rules[0];
    assert_eq!(
        (spike.p, spike.min_current, spike.reference),
        (1e-6, 12, Reference::Previous)
    );
}

#[test]
fn rules_name_known_dimensions_windows_and_receivers() {
    let rule = |rest: &str| format!("[[rule]]\nname = \"r\"\nkind = \"spike\"\n{rest}");
    assert!(error(&rule("by = [\"aspekt\"]")).contains("did you mean `aspect`?"));
    assert!(error(&rule("by = [\"aspect\", \"aspect\"]")).contains("named twice"));
    assert!(error(&rule("window = \"90m\"")).contains("whole number of hours"));
    assert!(error(&rule("window = \"60d\"")).contains("1h to 28d"));
    assert!(error(&rule("where = \"aspekt:price\"")).contains("aspekt"));
    assert!(error(&rule("where = \"(sentiment:negative\"")).contains("where"));
    assert!(error(&rule("where = \"sentiment:bad\"")).contains("bad"));
    assert!(error(&rule("where = \"!!\"")).contains("where"));
    assert!(parse(&rule("where = \"登录失败 rating:<=2 valid:true\"")).is_ok());
    assert!(error(&rule("window = \"a week\"")).contains("not a duration"));
    assert!(error(&rule("reference = \"weeks:0\"")).contains("weeks:1"));
    assert!(error(&rule("receivers = [\"nobody\"]")).contains("unknown receiver"));
    assert!(error(&rule("p = 2.0")).contains("out of range"));
    assert!(error("[[rule]]\nname = \"r\"").contains("kind: missing"));
}

#[test]
fn receivers_have_an_address() {
    let receiver = |rest: &str| format!("[[receiver]]\nname = \"r\"\n{rest}");
    assert!(error(&receiver("type = \"alertmanager\"")).contains("url: missing"));
    assert!(error(&receiver("type = \"alertmanager\"\nurl = \"alert:9093\"")).contains("not the URL"));
    let config = parse(&receiver("type = \"alertmanager\"\nurl = \"http://am:9093\"")).unwrap();
    assert!(matches!(&config.receivers[0].kind, ReceiverKind::Alertmanager { url } if url == "http://am:9093"));
}

#[test]
fn librdkafka_properties_are_checked_before_start() {
    let with = |property: &str| format!("{KAFKA}properties = {{ {property} }}");
    assert!(parse(&with("\"fetch.min.bytes\" = \"1000\"")).is_ok());
    let unknown = error(&with("\"fetch.min.bites\" = \"1\""));
    assert!(
        unknown.contains("kafka.properties.\"fetch.min.bites\"") && unknown.contains("librdkafka"),
        "{unknown}"
    );
    assert!(error(&with("\"group.id\" = \"g\"")).contains("use kafka.group"));
    assert!(error(&with("\"enable.auto.commit\" = \"true\"")).contains("set by qingting"));
}

#[test]
fn a_start_may_be_a_date_in_the_zone_or_a_time() {
    let source = |start: &str| {
        parse(&format!(
            "{KAFKA}[[source]]\nname = \"a\"\ntopics = [\"t\"]\nstart = {start}"
        ))
        .map(|config| config.sources[0].start)
    };
    assert_eq!(source("\"latest\"").unwrap(), StartPosition::Latest);
    assert_eq!(
        source("\"2026-01-01\"").unwrap(),
        StartPosition::Timestamp(1_767_196_800_000)
    );
    assert_eq!(
        source("2026-01-01").unwrap(),
        StartPosition::Timestamp(1_767_196_800_000)
    );
    assert_eq!(
        source("\"2026-01-01T00:00:00Z\"").unwrap(),
        StartPosition::Timestamp(1_767_225_600_000)
    );
    assert_eq!(
        source("1767225600000").unwrap(),
        StartPosition::Timestamp(1_767_225_600_000)
    );
    assert!(source("\"yesterday\"").is_err());
}

#[test]
fn names_outside_the_file_are_checked_by_check_files() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, b"short").unwrap();
    let config = parse(&format!("[privacy]\nkey_file = {key:?}\n[model]\ndir = \"/nowhere\"\n")).unwrap();
    let paths: Vec<String> = config.check_files().into_iter().map(|error| error.path).collect();
    assert_eq!(paths, ["privacy.key_file", "model.dir"]);
    let brands = directory.path().join("brands.toml");
    std::fs::write(&brands, "[brands]\n\"华为\" : 1\n").unwrap();
    let files =
        format!("[dictionary]\nfiles = [{brands:?}, \"/none.csv\"]\n[enrich.customers]\nfile = \"/none.csv\"\n");
    let errors = parse(&files).unwrap().check_files();
    let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        ["dictionary.files[0]", "dictionary.files[1]", "enrich.customers.file"]
    );
    assert!(errors[0].message.starts_with("line 2: "), "{errors:#?}");
    std::fs::write(&key, b"0123456789abcdef").unwrap();
    assert!(
        parse(&format!("[privacy]\nkey_file = {key:?}\n"))
            .unwrap()
            .check_files()
            .is_empty()
    );
}

#[test]
fn durations_have_whole_numbers_and_a_unit() {
    use crate::config::parse::duration;
    for (text, ms) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("2w", 1_209_600_000),
    ] {
        assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
    }
    for text in [
        "",
        "7",
        "d",
        "1.5h",
        "-1h",
        "1y",
        "99999999999999999999d",
        "99999999999999999d",
    ] {
        assert_eq!(duration(text), None, "{text}");
    }
}

#[test]
fn the_model_is_a_name_or_a_directory_and_has_a_runtime() {
    let config = parse("[model]\nname = \"cascade\"\nruntime = \"tract\"\n").unwrap();
    assert_eq!(config.model.name, "cascade");
    assert_eq!(config.model.runtime, ModelRuntime::Tract);
    let errors = config.check_files();
    let refused = errors.iter().any(|error| error.path == "model.runtime");
    assert_eq!(refused, !cfg!(feature = "tract"), "{errors:?}");
    let default = parse("").unwrap();
    assert_eq!(
        (default.model.name.as_str(), default.model.runtime),
        ("fast", ModelRuntime::OnnxRuntime)
    );
    assert!(error("[model]\nname = \"fsat\"").contains("did you mean `fast`"));
    assert!(error("[model]\nname = \"fast\"\ndir = \"/x\"").contains("one of name, dir"));
}

#[test]
fn what_is_pushed_goes_to_one_topic_and_strangers_need_a_secret() {
    let with = |source: &str| format!("{KAFKA}[[source]]\nname = \"form\"\n{source}");
    let config = parse(&with("http = true")).unwrap();
    assert!(
        matches!(&config.sources[0].input, SourceInput::Topics(topics) if topics == &["qingting.intake.form".to_owned()])
    );
    let config = parse(&with("http = true\ntopics = [\"own\"]\nsecret_file = \"/s\"")).unwrap();
    assert!(matches!(&config.sources[0].input, SourceInput::Topics(topics) if topics == &["own".to_owned()]));
    assert_eq!(
        config.sources[0].http.as_ref().unwrap().secret_file,
        Some(PathBuf::from("/s"))
    );
    for (source, wanted) in [
        ("http = true\ntopics = [\"a\", \"b\"]", "goes to one topic"),
        ("http = true\nfiles = [\"x\"]", "reads from more than one thing"),
        (
            "topics = [\"a\"]\nsecret_file = \"/s\"",
            "only what comes in by http has a secret",
        ),
        (
            "http = true\n[http]\nlisten = \"0.0.0.0:7700\"",
            "0.0.0.0:7700 is no loopback address",
        ),
    ] {
        let error = error(&with(source));
        assert!(error.contains(wanted), "{source}: {error}");
    }
    assert!(
        parse(&with(
            "http = true\nsecret_file = \"/s\"\n[http]\nlisten = \"0.0.0.0:7700\""
        ))
        .is_ok()
    );
}
