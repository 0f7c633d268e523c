//! Texts of the shared data, in their real distribution of lengths.

use super::random::Random;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// `count` texts drawn from all files in a fixed order that mixes them; the same texts again when there are fewer.
pub fn real_texts(shared: &Path, count: usize) -> Vec<String> {
    all_texts(shared).into_iter().cycle().take(count).collect()
}

/// Every text once, in a fixed order that mixes the files.
pub fn all_texts(shared: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(shared.join("data/raw"))
        .expect("data/raw")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for path in files {
        // Words with spaces between them are no real texts.
        if path.to_string_lossy().contains("segmented") {
            continue;
        }
        let file = File::open(&path).expect("data file");
        for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
            let row: Value = serde_json::from_str(&line.expect("line")).expect("row");
            if let Some(text) = row["text"].as_str() {
                all.push(text.to_owned());
            }
        }
    }
    Random::new(3).shuffle(&mut all);
    all
}
