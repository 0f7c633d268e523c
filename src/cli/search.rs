//! `qingting search`: the index of a data directory or of a running service.

use super::UsageError;
use crate::config::SearchConfig;
use crate::index::open_for_reading;
use crate::pipeline::index_directory;
use crate::search::{IndexView, SearchContext, SearchError, SearchRequest};
use crate::segment::Segmenter;
use anyhow::{Context, bail};
use chrono::{TimeZone, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tantivy::ReloadPolicy;

#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("where").required(true).args(["config", "data_dir", "server"]),
    after_help = "\
All words are required by default; quotes make an exact phrase; fields filter: `aspect:logistics-`,
`rating:<=2`, `valid:true`, `published_at:2025-11-01..2025-11-08`; OR, NOT and brackets combine.
A query that begins with `-` stands after `--`.

Examples:
  qingting search --data-dir /var/lib/qingting 快递慢
  qingting search -c qingting.toml --sort time --limit 50 'sentiment:negative \"登录失败\"'
  qingting search --server http://127.0.0.1:7700 --json 'aspect:logistics-'"
)]
pub struct SearchArgs {
    /// Configuration that names the data directory
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Running service
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Hits to print
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// Order of the hits
    #[arg(long, value_name = "SORT", default_value = "relevance", value_parser = crate::search::SortOrder::NAMES)]
    pub sort: String,
    /// Print one JSON document, as the API answers
    #[arg(long)]
    pub json: bool,
    /// Query; empty finds everything
    #[arg(allow_hyphen_values = true)]
    pub query: String,
}

/// Zone of dates where no configuration names one.
const DEFAULT_ZONE: Tz = chrono_tz::Asia::Shanghai;
/// A server that does not answer within this is taken for dead.
const SERVER_TIMEOUT: Duration = Duration::from_secs(30);

pub fn run(args: SearchArgs) -> anyhow::Result<ExitCode> {
    let limit = args.limit.to_string();
    let pairs = [
        ("q", args.query.as_str()),
        ("limit", &limit),
        ("sort", &args.sort),
        ("highlight", "true"),
    ];
    let (answer, zone) = match (&args.server, &args.config, &args.data_dir) {
        (Some(server), _, _) => (ask_server(server, &pairs)?, DEFAULT_ZONE),
        (None, Some(file), _) => {
            let config = super::load_config(file)?;
            let answer = ask_index(&config.data_dir, &pairs, config.time.zone, &config.search)?;
            (answer, config.time.zone)
        }
        (None, None, Some(data_dir)) => (
            ask_index(data_dir, &pairs, DEFAULT_ZONE, &offline_limits())?,
            DEFAULT_ZONE,
        ),
        (None, None, None) => bail!(UsageError(
            "where to search? --config, --data-dir or --server".to_owned()
        )),
    };
    let mut stdout = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut stdout, &answer)?;
        writeln!(stdout)?;
    } else {
        let color = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        stdout.write_all(shown(&answer, zone, color).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn offline_limits() -> SearchConfig {
    SearchConfig {
        max_depth: 32,
        max_clauses: 256,
        max_query_bytes: 8_192,
        // Nobody else waits for the answer.
        deadline: Duration::from_secs(60),
        concurrency: 1,
    }
}

/// Searches the last commit of a data directory, read-only: a service may be writing to it.
fn ask_index(data_dir: &Path, pairs: &[(&str, &str)], zone: Tz, limits: &SearchConfig) -> anyhow::Result<Value> {
    let (index, fields, payload) = open_for_reading(&index_directory(data_dir))?;
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
    let reader: tantivy::IndexReader =
        reader.with_context(|| format!("opening the index of {}", data_dir.display()))?;
    let view = IndexView {
        searcher: reader.searcher(),
        fields,
        generation: payload.map_or(0, |payload| payload.commit),
    };
    let context = SearchContext {
        view: &view,
        tokenizer: &Segmenter::new(),
        zone,
        limits,
        // `from` and `to` are not asked here, so that nothing is relative to now.
        now_ms: 0,
    };
    let request = SearchRequest::from_pairs(pairs.iter().copied());
    let response = request
        .and_then(|request| context.search(&request))
        .map_err(|error| refused(&error))?;
    Ok(serde_json::to_value(response)?)
}

/// A refused query is wrong usage: the place is marked and the suggestion shown.
fn refused(error: &SearchError) -> anyhow::Error {
    let mut message = error.to_string();
    if let Some(at) = error.at() {
        let _ = write!(message, " (at character {})", at + 1);
    }
    if let Some(suggestion) = error.suggestion() {
        let _ = write!(message, "; try: {suggestion}");
    }
    match error.status() {
        400 => UsageError(message).into(),
        _ => anyhow::anyhow!(message),
    }
}

fn ask_server(server: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Value> {
    let base = server.trim_end_matches('/');
    if !base.starts_with("http://") && !base.starts_with("https://") {
        bail!(UsageError(format!(
            "--server {server}: must begin with http:// or https://"
        )));
    }
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(SERVER_TIMEOUT))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut request = agent.get(format!("{base}/api/v1/search"));
    for (name, value) in pairs {
        request = request.query(*name, *value);
    }
    let mut response = request.call().with_context(|| format!("asking {base}"))?;
    let status = response.status();
    let body = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("reading from {base}"))?;
    let answer: Value = serde_json::from_str(&body)
        .with_context(|| format!("{base} answered {status} and not in JSON; is it qingting?"))?;
    if status.is_success() {
        return Ok(answer);
    }
    let error = &answer["error"];
    let mut message = error["message"].as_str().unwrap_or("the server refused").to_owned();
    if let Some(suggestion) = error["suggestion"].as_str() {
        let _ = write!(message, "; try: {suggestion}");
    }
    match status.as_u16() {
        400 => bail!(UsageError(message)),
        _ => bail!(message),
    }
}

/// The answer for people: one block a hit.
fn shown(answer: &Value, zone: Tz, color: bool) -> String {
    let mut out = String::new();
    let hits = answer["hits"].as_array().map_or(&[][..], Vec::as_slice);
    for hit in hits {
        show_hit(hit, zone, color, &mut out);
    }
    let total = answer["total"].as_u64().unwrap_or(0);
    let took_ms = answer["took_ms"].as_u64().unwrap_or(0);
    let _ = match total {
        0 => writeln!(out, "没有找到。用时 {took_ms} 毫秒"),
        _ => writeln!(out, "共 {total} 条，显示 {} 条，用时 {took_ms} 毫秒", hits.len()),
    };
    out
}

fn show_hit(hit: &Value, zone: Tz, color: bool, out: &mut String) {
    let item = &hit["item"];
    let text = |pointer: &str| {
        item.pointer(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let mut head: Vec<String> = Vec::new();
    let time = item["published_at"].as_i64();
    head.push(time.map_or_else(|| "时间未知".to_owned(), |ms| local_minute(ms, zone)));
    head.extend(
        [
            text("/source/platform"),
            text("/source/role"),
            text("/subject/brand"),
            text("/subject/product"),
        ]
        .into_iter()
        .flatten()
        .map(str::to_owned),
    );
    if let Some(rating) = item.pointer("/rating/overall").and_then(Value::as_f64) {
        head.push(format!("{rating} 分"));
    }
    head.extend(text("/analysis/sentiment/label").map(|label| sentiment_zh(label).to_owned()));
    head.extend(text("/analysis/priority_hint").map(str::to_owned));
    for aspect in item
        .pointer("/analysis/aspects")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = aspect["aspect"].as_str().unwrap_or_default();
        let sign = crate::search::polarity_sign(aspect["polarity"].as_str().unwrap_or_default());
        head.push(format!("{name}{sign}"));
    }
    let _ = writeln!(out, "{}", printable(&head.join(" · ")));
    for name in ["title", "text"] {
        let marked = hit["fragments"][name][0].as_str();
        let line = match (marked, text(&format!("/{name}"))) {
            (Some(marked), _) => of_markup(marked, color),
            (None, Some(plain)) => printable(&shortened(plain)),
            (None, None) => continue,
        };
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "  {}\n", printable(hit["id"].as_str().unwrap_or_default()));
}

fn local_minute(at_ms: i64, zone: Tz) -> String {
    match Utc.timestamp_millis_opt(at_ms).single() {
        Some(instant) => instant.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        None => at_ms.to_string(),
    }
}

fn sentiment_zh(label: &str) -> &str {
    match label {
        "positive" => "正面",
        "negative" => "负面",
        "neutral" => "中性",
        other => other,
    }
}

fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(crate::search::FRAGMENT_CHARS).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// What customers write may hold control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|found| if found.is_control() { ' ' } else { found })
        .collect()
}

/// A fragment's HTML as text; marks become colour, or brackets where there is none.
fn of_markup(html: &str, color: bool) -> String {
    let (open, close) = if color {
        ("\u{1b}[1;31m", "\u{1b}[0m")
    } else {
        ("【", "】")
    };
    let mut out = String::new();
    for (index, part) in html.split("<em>").enumerate() {
        match part.split_once("</em>").filter(|_| index > 0) {
            Some((marked, rest)) => {
                let _ = write!(out, "{open}{}{close}{}", plain(marked), plain(rest));
            }
            None => out.push_str(&plain(part)),
        }
    }
    out
}

fn plain(html: &str) -> String {
    printable(&html_escape::decode_html_entities(html))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({"total": 1, "took_ms": 3, "hits": [{
            "id": "jd:review:1", "score": 1.5,
            "fragments": {"text": ["<em>快递</em>太<em>慢</em>&lt;了\u{1b}[2J"]},
            "item": {
                "text": "快递太慢<了", "title": "差评", "published_at": 1_762_000_000_000_i64,
                "source": {"platform": "jd", "role": "review"}, "rating": {"overall": 1.0},
                "analysis": {"sentiment": {"label": "negative"}, "priority_hint": "P1",
                             "aspects": [{"aspect": "logistics", "polarity": "negative"}]},
            },
        }]})
    }

    #[test]
    fn a_hit_reads_as_a_block_of_chinese() {
        let text = shown(&answer(), DEFAULT_ZONE, false);
        let expected = "2025-11-01 20:26 · jd · review · 1 分 · 负面 · P1 · logistics-\n  差评\n  【快递】太【慢】<了 [2J\n  jd:review:1\n\n共 1 条，显示 1 条，用时 3 毫秒\n";
        assert_eq!(text, expected);
        assert!(shown(&answer(), DEFAULT_ZONE, true).contains("\u{1b}[1;31m快递\u{1b}[0m"));
        assert!(shown(&json!({"total": 0, "hits": []}), DEFAULT_ZONE, false).starts_with("没有找到"));
    }

    #[test]
    fn a_refused_query_is_usage_with_a_suggestion() {
        let error = crate::search::Query::parse("sentimant:negative", &offline_limits()).unwrap_err();
        let error = refused(&error);
        assert!(error.downcast_ref::<UsageError>().is_some());
        assert!(error.to_string().contains("try: sentiment"), "{error}");
    }
}
