//! The demo's company is unknown to the product: whatever it finds, it did not know the names before.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use qingting::demo::story::cast::{APP, BRANDS, INVENTED_WORDS};
use std::fs;
use std::path::{Path, PathBuf};

fn files_under(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_invented_words_are_in_no_dictionary_table_model_or_preset_of_the_product() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["src", "models", "schemas", "deploy"] {
        files_under(&root.join(directory), &mut files);
    }
    files.retain(|file| !file.starts_with(root.join("src/demo")));
    assert!(files.len() > 50, "found only {} files", files.len());
    let words = aho_corasick::AhoCorasick::new(INVENTED_WORDS).unwrap();
    for file in files {
        let bytes = fs::read(&file).unwrap();
        if let Some(found) = words.find(&bytes) {
            panic!(
                "{} knows {}",
                file.display(),
                INVENTED_WORDS[found.pattern().as_usize()]
            );
        }
    }
}

#[test]
fn the_segmentation_dictionary_does_not_know_the_company() {
    let jieba = jieba_rs::Jieba::new();
    for word in INVENTED_WORDS.into_iter().chain([APP]) {
        assert!(!jieba.has_word(word), "{word}");
    }
    for product in BRANDS.iter().flat_map(|brand| &brand.products) {
        assert!(!jieba.has_word(product.name), "{}", product.name);
    }
}
