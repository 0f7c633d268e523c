//! What must hold for any record, mapping, file and text: asked near the seeds of `fuzz/seeds` in every run of the
//! tests, and for long, led by coverage, in `make fuzz` (targets in `fuzz/fuzz_targets`).

use super::mapping::{self, Mapping};
use super::*;
use crate::item::{ItemPosition, RecordPosition};
use crate::normalize::Normalizer;
use std::sync::LazyLock;

/// 2025-11-06T01:12:04Z.
const RECORD_TIME_MS: i64 = 1_762_391_524_000;

static FORMATS: LazyLock<Option<Formats>> = LazyLock::new(|| Formats::builtin().ok());
static PRESETS: LazyLock<Vec<Mapping>> = LazyLock::new(|| {
    let all = presets::ALL.iter().map(|(name, written)| Mapping {
        name: (*name).to_owned(),
        written: (*written).to_owned(),
    });
    all.collect()
});

/// The first byte chooses the format, the rest is the record. Two readings agree, every item has its place, and
/// what comes out survives the next stage.
pub fn record(bytes: &[u8]) {
    let (Some(formats), Some((choice, payload))) = (FORMATS.as_ref(), bytes.split_first()) else {
        return;
    };
    let mut names = formats.names();
    names.push(AUTO);
    let name = names[*choice as usize % names.len()];
    check(formats, name, payload);
}

/// A text as a mapping: an error of one line, or a format that reads records.
pub fn mapping(bytes: &[u8]) {
    let written = String::from_utf8_lossy(bytes).into_owned();
    let mapping = Mapping {
        name: "fuzzed".to_owned(),
        written,
    };
    match mapping::load(&mapping, &PRESETS) {
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        Ok(preset) => {
            let name = preset.name.clone();
            let formats = Formats {
                presets: vec![Arc::new(preset)],
                zone: chrono_tz::Asia::Shanghai,
                limits: Limits::default(),
            };
            for payload in [
                r#"{"id":1,"text":"好","a":{"b":[1,"2",{"c":null}]},"time":"昨天 22:10","list":[{"name":"x","value":"5"}]}"#,
                r#"[{"id":"x","content":"好用，很好","score":"5"},7]"#,
            ] {
                check(&formats, &name, payload.as_bytes());
            }
        }
    }
}

fn check(formats: &Formats, name: &str, payload: &[u8]) {
    let record = RawRecord {
        source: 0,
        position: RecordPosition::File {
            file: "fuzz.csv".into(),
            record: 1,
        },
        record_time_ms: RECORD_TIME_MS,
        key: None,
        headers: Vec::new(),
        payload: Some(payload.to_vec()),
        unreadable: None,
    };
    let source = SourceConfig::reading("fuzz", name);
    let (mut out, mut again) = (FormatOutcome::default(), FormatOutcome::default());
    formats.read(&record, &source, &mut out);
    formats.read(&record, &source, &mut again);
    assert_eq!(format!("{out:?}"), format!("{again:?}"));
    assert_eq!(out.outcome == RecordOutcome::Mapped, !out.changes.is_empty());
    assert_eq!(
        out.outcome == RecordOutcome::Dead,
        out.changes.is_empty() && !out.dead_letters.is_empty()
    );
    assert!(out.dead_letters.iter().all(|dead| !dead.message.contains('\n')));
    let normalizer = Normalizer::new(b"a key of sixteen", chrono_tz::Asia::Shanghai);
    for change in out.changes {
        let ItemPosition { part, parts, .. } = match &change {
            Change::Upsert(mapped) => mapped.position.clone(),
            Change::Delete { position, .. } => position.clone(),
        };
        assert!(part < parts);
        if let Change::Upsert(mapped) = change {
            let item = normalizer.normalize(mapped).item;
            assert!(!item.id.is_empty() && !item.source.platform.is_empty() && !item.source.kind.is_empty());
            assert!(
                item.rating
                    .and_then(|rating| rating.overall)
                    .is_none_or(|overall| (1.0..=5.0).contains(&overall))
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Seeds, from `fuzz/seeds`; those of mappings are the presets that ship.
    fn seeds(of: &str) -> Vec<Vec<u8>> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = match of {
            "mapping" => root.join("schemas/formats"),
            of => root.join("fuzz/seeds").join(of),
        };
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Bytes taken out, replaced and put in, as a fuzzer would.
    fn near(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
        let words: Vec<&[u8]> = vec![
            &b"\""[..],
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b":",
            b"null",
            b"1e400",
            b"99999999999999999999",
            b"\\ud83d",
            b"\n",
            b"\r",
            b"\xEF\xBB\xBF",
            b"\xC4\xE3",
            "昨天".as_bytes(),
            b"\x00",
            b"=",
            b"[[",
            b"]]",
            b"'''",
            b"$",
            b"^",
            b"@file",
            b"|json",
        ];
        let edit = (any::<prop::sample::Index>(), 0usize..12, prop::sample::select(words));
        (prop::sample::select(seeds), prop::collection::vec(edit, 0..6)).prop_map(|(mut bytes, edits)| {
            for (at, cut, word) in edits {
                let from = at.index(bytes.len() + 1);
                let to = (from + cut).min(bytes.len());
                bytes.splice(from..to, word.iter().copied());
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn records_near_the_seeds_never_panic_and_keep_the_balance(bytes in near(seeds("record")), choice in any::<u8>(), keep in any::<bool>()) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() && !keep {
                *first = choice;
            }
            super::record(&bytes);
        }

        #[test]
        fn mappings_near_the_presets_never_panic_and_keep_the_balance(bytes in near(seeds("mapping"))) {
            super::mapping(&bytes);
        }

        #[test]
        fn files_near_the_seeds_never_panic_and_keep_the_balance(bytes in near(seeds("table"))) {
            crate::source::file::fuzz::file(&bytes);
        }

        #[test]
        fn texts_near_the_seeds_are_cleaned_once_and_for_all(bytes in near(seeds("privacy"))) {
            crate::normalize::fuzz::privacy(&bytes);
        }
    }
}
