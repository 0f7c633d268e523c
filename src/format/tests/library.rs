//! Mappings from outside: what a directory adds, replaces and may not do.

use super::*;

const OWN: &str = "name = \"my_shop\"\nversion = 1\nabout = \"mine\"\n[detect]\nall = [\"order_no\", \"stars\"]\n[constants]\n\
    \"source.kind\" = \"review\"\n\"source.platform\" = \"my_shop\"\n\"source.role\" = \"review\"\n[fields]\nnative_id = \"order_no\"\n\
    text = \"comment\"\n\"rating.overall\" = { from = \"stars\", scale = \"1-5\" }\n";

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Formats, FormatError>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let formats = Formats::with_directory(Some(folder.path()));
    (folder, formats)
}

fn refused(files: &[(&str, &str)]) -> String {
    folder(files).1.unwrap_err().to_string()
}

fn first(formats: &Formats, format: &str, payload: &str) -> Item {
    let mut out = FormatOutcome::default();
    formats.read(&record(payload), &source(format), &mut out);
    clean(out).remove(0).item
}

#[test]
fn a_mapping_of_ten_lines_reads_ones_own_crawler() {
    let (_folder, formats) = folder(&[("my_shop.toml", OWN), ("notes.txt", "no mapping")]);
    let formats = formats.unwrap();
    assert!(formats.names().contains(&"my_shop"));
    let item = first(&formats, "auto", r#"{"order_no":7,"comment":"好用","stars":"4"}"#);
    assert_eq!(
        (item.id.as_str(), item.rating.unwrap().overall),
        ("my_shop:review:7", Some(4.0))
    );
}

#[test]
fn a_mapping_may_extend_a_preset_and_say_only_what_differs() {
    let own = "name = \"our_zendesk\"\nversion = 1\nextends = \"zendesk_ticket\"\n[fields]\n\
        \"subject.product\" = 'custom_fields[id=27642].value'\n";
    let (_folder, formats) = folder(&[("a.toml", own)]);
    let formats = formats.unwrap();
    let ticket = r#"{"id":1,"subject":"s","description":"不回充","requester_id":2,"via":{"channel":"web"},"custom_fields":[{"id":27642,"value":"乐筑R7"}]}"#;
    // what a user adds is asked before what ships
    for format in ["our_zendesk", "auto"] {
        let item = first(&formats, format, ticket);
        assert_eq!(item.subject.product.as_deref(), Some("乐筑R7"), "{format}");
        assert_eq!(
            (item.source.format.as_str(), item.text.as_str()),
            ("our_zendesk/1", "不回充")
        );
    }
}

#[test]
fn a_mapping_that_shadows_a_preset_must_say_so() {
    let shadow = OWN.replace("my_shop", "jd_comment");
    let message = refused(&[("jd.toml", &shadow)]);
    assert!(
        message.contains("line 1: name `jd_comment` is that of a preset that ships")
            && message.contains("overrides = true"),
        "{message}"
    );
    let (_folder, formats) = folder(&[(
        "jd.toml",
        &shadow.replace("version = 1", "version = 2\noverrides = true"),
    )]);
    let formats = formats.unwrap();
    assert_eq!(formats.names().iter().filter(|name| **name == "jd_comment").count(), 1);
    assert!(formats.show("jd_comment").unwrap().contains("order_no"));
    // it may take the rest from the one that it replaces
    let extending = "name = \"jd_comment\"\nversion = 9\noverrides = true\nextends = \"jd_comment\"\n[fields]\n\"author.region\" = \"userProvince\"\n";
    let (_folder, formats) = folder(&[("jd.toml", extending)]);
    let item = first(
        &formats.unwrap(),
        "jd_comment",
        r#"{"id":1,"content":"好","userProvince":"湖北"}"#,
    );
    assert_eq!(
        (item.author.region.as_deref(), item.source.format.as_str()),
        (Some("湖北"), "jd_comment/9")
    );
    let message = refused(&[("a.toml", &OWN.replace("version = 1", "version = 1\noverrides = true"))]);
    assert!(
        message.contains("line 3: `overrides`, but no preset that ships"),
        "{message}"
    );
}

#[test]
fn another_name_may_not_be_that_of_a_preset_either() {
    let with_alias = |alias: &str| OWN.replace("version = 1", &format!("aliases = [\"{alias}\"]\nversion = 1"));
    for taken in ["jd_comment", "item", "auto"] {
        let message = refused(&[("a.toml", &with_alias(taken))]);
        assert!(
            message.contains("a.toml: line 2: ") && message.contains(&format!("`{taken}` is ")),
            "{message}"
        );
    }
    let (_folder, formats) = folder(&[("a.toml", &with_alias("my_old_shop"))]);
    assert!(formats.unwrap().about("my_old_shop").is_some());
}

#[test]
fn mappings_that_go_in_a_circle_or_nowhere_are_refused() {
    let a = "name = \"a\"\nversion = 1\nextends = \"b\"\n";
    let b = "name = \"b\"\nversion = 1\n\nextends = \"a\"\n";
    let message = refused(&[("a.toml", a), ("b.toml", b)]);
    assert!(
        message.contains("line 3: `extends` goes in a circle: a → b → a"),
        "{message}"
    );
    let itself = refused(&[("a.toml", "name = \"a\"\nversion = 1\nextends = \"a\"\n")]);
    assert!(itself.contains("circle: a → a"), "{itself}");
    let nowhere = refused(&[("a.toml", "name = \"a\"\nversion = 1\nextends = \"jd_coment\"\n")]);
    assert!(nowhere.contains("did you mean `jd_comment`?"), "{nowhere}");
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_file_and_line() {
    let message = refused(&[("a.toml", &format!("{OWN}colour = \"x\"\n"))]);
    assert!(
        message.contains("a.toml: line 14: fields.colour: not a field of the canonical item"),
        "{message}"
    );
    let message = refused(&[("a.toml", "name = \n")]);
    assert!(message.contains("a.toml: line 1: "), "{message}");
    let message = refused(&[("a.toml", OWN), ("b.toml", OWN)]);
    assert!(message.contains("name `my_shop` is taken by "), "{message}");
    let message = Formats::with_directory(Some(std::path::Path::new("/nowhere/at/all")))
        .unwrap_err()
        .to_string();
    assert!(message.contains("cannot read it"), "{message}");
    let large = format!("name = \"a\"\n# {}\n", "x".repeat(2_000_000));
    assert!(refused(&[("a.toml", &large)]).contains("want at most 1048576"));
}

#[test]
fn the_mapping_of_the_guide_has_ten_lines_and_reads_what_the_guide_says() {
    let guide = include_str!("../../../docs/formats.md");
    let mapping = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(mapping.lines().count(), 10);
    let record = guide.split("writes `").nth(1).unwrap().split('`').next().unwrap();
    let (_folder, formats) = folder(&[("my_shop.toml", mapping)]);
    let item = first(&formats.unwrap(), "my_shop", record);
    assert_eq!((item.id.as_str(), item.text.as_str()), ("my_shop:review:7", "好用"));
    assert_eq!(
        (item.rating.unwrap().overall, item.published_inferred),
        (Some(4.0), true)
    );
    let extending = guide.split("```toml\n").nth(2).unwrap().split("```").next().unwrap();
    assert!(folder(&[("our_zendesk.toml", extending)]).1.is_ok());
}

/// Broke: a pattern over two lines was quoted as it stands, and the error was two lines.
#[test]
fn an_error_about_a_pattern_of_two_lines_is_one_line() {
    let pattern = "text = { from = \"comment\", regex = '''a(\nb''' }\n";
    let error = refused(&[("a.toml", &OWN.replace("text = \"comment\"\n", pattern))]);
    assert!(error.contains("fields.text.regex"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}
