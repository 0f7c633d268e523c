use super::*;
use crate::segment::Segmenter;
use std::collections::BTreeSet;
use std::io::{BufRead, Write};

fn dictionary(name: &str, content: &str) -> Result<Option<Dictionary>, EnrichError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
    Dictionary::load(&[path])
}

const TOML: &str = r#"
[brands]
"华为" = ["HUAWEI", "菊厂"]
"小米" = ["xiaomi", "MI"]
[products]
"Mate 60" = { brand = "华为", aliases = ["mate60"] }
[features]
"续航" = ["电池"]
[exclude]
words = ["小米辣", "华为路"]
"#;

fn named(dictionary: &Dictionary, text: &str) -> (Option<String>, Option<String>, Vec<String>) {
    let tokens = Segmenter::new().tokens(text);
    let named = dictionary.find([("", &Tokens::default()), (text, &tokens)]);
    let owned = |name: &str| name.to_owned();
    (
        named.brand.map(owned),
        named.product.map(owned),
        named.features.into_iter().map(owned).collect(),
    )
}

#[test]
fn a_name_is_found_by_any_alias_and_not_inside_another_word() {
    let dictionary = dictionary("d.toml", TOML).unwrap().unwrap();
    for (text, brand, product) in [
        ("菊厂的手机就是好", Some("华为"), None),
        ("ＨＵＡＷＥＩ手机", Some("华为"), None),
        ("華為的拍照很好", Some("华为"), None),
        ("mate60拍照很清楚", Some("华为"), Some("Mate 60")),
        ("小米手机发烫，小米客服不理，华为就不会", Some("小米"), None),
        ("早上喝小米粥", None, None),
        ("炒菜放点小米辣", None, None),
        ("住在华为路", None, None),
        ("gaming mixer", None, None),
        ("mate600", None, None),
    ] {
        let (found_brand, found_product, _) = named(&dictionary, text);
        assert_eq!(
            (found_brand.as_deref(), found_product.as_deref()),
            (brand, product),
            "{text}"
        );
    }
    assert_eq!(named(&dictionary, "电池不耐用，续航差").2, ["续航"]);
}

#[test]
fn what_the_source_names_stands_and_features_become_tags() {
    let dictionary = dictionary(
        "d.csv",
        "kind,name,aliases,brand\nbrand,华为,HUAWEI|菊厂,\nfeature,续航,电池,\n",
    )
    .unwrap()
    .unwrap();
    let text = "菊厂这电池不行";
    let tokens = Segmenter::new().tokens(text);
    let mut item = Item {
        text: text.to_owned(),
        ..Item::default()
    };
    dictionary.fill(&mut item, &Tokens::default(), &tokens);
    assert_eq!(
        (item.subject.brand.as_deref(), item.tags.as_slice()),
        (Some("华为"), ["续航".to_owned()].as_slice())
    );
    item.subject.brand = Some("荣耀".to_owned());
    dictionary.fill(&mut item, &Tokens::default(), &tokens);
    assert_eq!((item.subject.brand.as_deref(), item.tags.len()), (Some("荣耀"), 1));
}

#[test]
fn a_wrong_dictionary_says_where_and_what_would_be_right() {
    let error = dictionary("d.csv", "kind,name\nmark,x\n").unwrap_err().to_string();
    assert!(
        error.contains("d.csv: row 1: `mark` is no kind; want brand, product, feature or exclude"),
        "{error}"
    );
    let error = dictionary("d.toml", "[brand]\n").unwrap_err().to_string();
    assert!(error.contains("d.toml: line 1: unknown field `brand`"), "{error}");
    assert!(dictionary("d.toml", "").unwrap().is_none());
}

fn rows(name: &str) -> Vec<serde_json::Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../shared/data/raw/{name}.jsonl.gz"));
    let Ok(file) = std::fs::File::open(path) else {
        return Vec::new();
    };
    std::io::BufReader::new(flate2::read::GzDecoder::new(file))
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect()
}

/// F1 of the named brand, with a dictionary of every name that one half of the rows has, on the other half; a row whose
/// name the dictionary lacks counts as missed.
fn f1(
    rows: &[serde_json::Value],
    names: impl Fn(&serde_json::Value) -> Option<String>,
    extra: &str,
) -> (f64, f64, f64) {
    let known: BTreeSet<String> = rows.iter().filter_map(&names).collect();
    let mut csv = "kind,name,aliases,brand\n".to_owned();
    csv.extend(
        known
            .iter()
            .filter(|name| !name.contains(['"', ',']))
            .map(|name| format!("brand,{name},,\n")),
    );
    csv.push_str(extra);
    let dictionary = dictionary("d.csv", &csv).unwrap().unwrap();
    let (mut right, mut found, mut wanted) = (0usize, 0usize, 0usize);
    for row in rows {
        let Some(name) = names(row) else { continue };
        wanted += 1;
        let text = crate::normalize::clean_text(row["text"].as_str().unwrap_or_default());
        if let (Some(brand), ..) = named(&dictionary, &text) {
            found += 1;
            right += usize::from(brand == name);
        }
    }
    let (precision, recall) = (right as f64 / found.max(1) as f64, right as f64 / wanted.max(1) as f64);
    (precision, recall, 2.0 * precision * recall / (precision + recall))
}

#[test]
fn brands_of_real_texts_are_found_with_a_dictionary() {
    let (restaurants, cars) = (rows("review_dianping_opinion_target"), rows("complaint_car_12365auto"));
    if restaurants.is_empty() || cars.is_empty() {
        println!("skipped: brands in real texts: shared data missing");
        return;
    }
    let text_of = |value: &serde_json::Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    let (precision, recall, restaurants_f1) = f1(&restaurants, |row| text_of(&row["extra"]["opinion_target"]), "");
    println!("review_dianping_opinion_target: precision {precision:.3}, recall {recall:.3}, F1 {restaurants_f1:.3}");
    let (precision, recall, cars_f1) = f1(&cars, |row| text_of(&row["extra"]["series"]), "");
    println!("complaint_car_12365auto, series: precision {precision:.3}, recall {recall:.3}, F1 {cars_f1:.3}");
    assert!(restaurants_f1 > 0.7 && cars_f1 > 0.8, "{restaurants_f1} {cars_f1}");
}
