use super::*;
use std::io::Write;

fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

/// Payloads as text, or the code of what could not be read.
fn read_with(name: &str, bytes: &[u8], options: &FileOptions) -> Vec<String> {
    let (_folder, path) = write(name, bytes);
    let mut reader = FileReader::open(&path, options).unwrap();
    let mut out = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        assert_eq!(
            record.position,
            RecordPosition::File {
                file: path.as_str().into(),
                record: out.len() as u64 + 1
            }
        );
        out.push(match record.unreadable {
            None => String::from_utf8_lossy(&record.payload.unwrap()).into_owned(),
            Some(unreadable) => unreadable.code.code().to_owned(),
        });
    }
    out
}

fn read(name: &str, bytes: &[u8]) -> Vec<String> {
    read_with(name, bytes, &FileOptions::new(0))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn blank_lines_do_not_count() {
    assert_eq!(
        read("a.jsonl", b"{\"a\":1}\r\n\n  \n{\"a\":2}"),
        ["{\"a\":1}", "{\"a\":2}"]
    );
    assert_eq!(read("a.jsonl", b""), [""; 0]);
}

#[test]
fn documents_and_arrays_over_many_lines_are_split_into_their_elements() {
    assert_eq!(
        read("a.json", b"[\n {\"a\": \"]},[\"},\n {\"a\": [1, 2]},\n 7\n]\n"),
        ["{\"a\": \"]},[\"}", "{\"a\": [1, 2]}", "7"]
    );
    assert_eq!(read("a.json", b"[{\"a\":1},{\"a\":2}]"), ["{\"a\":1}", "{\"a\":2}"]);
    assert_eq!(
        read("a.json", b"{\n\"a\":1\n}\n{\n\"a\":2\n}\n"),
        ["{\n\"a\":1\n}", "{\n\"a\":2\n}"]
    );
    assert_eq!(read("a.json", b"[{\"a\":1},{\"a\":"), ["{\"a\":1}", "{\"a\":"]);
}

#[test]
fn compressed_files_read_like_plain_ones() {
    let plain = b"{\"a\":1}\n{\"a\":2}\n";
    let zst = zstd::stream::encode_all(&plain[..], 3).unwrap();
    for (name, bytes) in [
        ("a.jsonl.gz", gzip(plain)),
        ("a.jsonl.zst", zst),
        ("odd-name.jsonl", gzip(plain)),
    ] {
        assert_eq!(read(name, &bytes), ["{\"a\":1}", "{\"a\":2}"], "{name}");
    }
}

#[test]
fn a_bomb_is_a_dead_letter_and_not_a_full_memory() {
    let mut options = FileOptions::new(0);
    options.limits.expanded_bytes = 1024 * 1024;
    options.limits.record_bytes = 1000;
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert_eq!(read_with("a.jsonl.gz", &bomb, &options), ["bomb"]);
}

#[test]
fn a_truncated_stream_gives_what_it_has_and_then_a_dead_letter() {
    let mut text = String::new();
    for n in 0..100_000 {
        text.push_str(&format!("{{\"a\":{n},\"b\":{}}}\n", n * 7919 % 100_003));
    }
    let bytes = gzip(text.as_bytes());
    let records = read("a.jsonl.gz", &bytes[..bytes.len() / 2]);
    assert!(records.len() > 10_000);
    assert_eq!(records.last().unwrap(), "encoding");
    assert_eq!(records[0], "{\"a\":0,\"b\":0}");
}

#[test]
fn a_line_beyond_the_limit_is_handed_over_cut() {
    let mut options = FileOptions::new(0);
    options.limits.record_bytes = 10;
    let records = read_with("a.jsonl", b"0123456789abcdef\n{}\n", &options);
    assert_eq!(records, ["0123456789a", "{}"]);
    let records = read_with("a.json", b"[\"0123456789abcdef\",\n1]", &options);
    assert_eq!(records, ["\"0123456789", "1"]);
}

#[test]
fn csv_rows_become_objects_of_strings() {
    let csv = "\u{feff}id,正文,数\r\n1,\"引号\"\"里\r\n换行,逗号\",3\r\n\r\n2,短行\r\n3,a,b,多\r\nid,正文,数\r\n,,\r\n";
    assert_eq!(
        read("a.csv", csv.as_bytes()),
        [
            r#"{"id":"1","正文":"引号\"里\n换行,逗号","数":"3"}"#,
            r#"{"id":"2","正文":"短行"}"#,
            r#"{"id":"3","正文":"a","数":"b","column4":"多"}"#,
            "[]",
            "[]",
        ]
    );
}

#[test]
fn csv_in_gb18030_is_detected() {
    let (bytes, ..) = encoding_rs::GB18030.encode("编号,内容\n1,很好用\n2,太差\n");
    assert_eq!(
        read("a.csv", &bytes),
        [r#"{"编号":"1","内容":"很好用"}"#, r#"{"编号":"2","内容":"太差"}"#]
    );
}

#[test]
fn a_row_in_another_encoding_costs_only_itself() {
    let mut bytes = "编号,内容\n1,好\n".as_bytes().to_vec();
    bytes.extend_from_slice(b"2,\xC4\xE3\xFF\n3,x\n");
    assert_eq!(
        read("a.csv", &bytes),
        [
            r#"{"编号":"1","内容":"好"}"#,
            "invalid_utf8",
            r#"{"编号":"3","内容":"x"}"#
        ]
    );
}

#[test]
fn a_quote_that_never_closes_costs_one_line() {
    assert_eq!(
        read("a.csv", b"id,t\n1,5\"c\n2,\"open\n3,b\n4,d\n"),
        [
            r#"{"id":"1","t":"5\"c"}"#,
            "json_syntax",
            r#"{"id":"3","t":"b"}"#,
            r#"{"id":"4","t":"d"}"#
        ]
    );
}

#[test]
fn csv_delimiters_are_found_by_the_header() {
    assert_eq!(read("a.tsv", b"id\tt\n1\ta,b\n"), [r#"{"id":"1","t":"a,b"}"#]);
    assert_eq!(read("a.csv", b"id;t\n1;a,b\n"), [r#"{"id":"1","t":"a,b"}"#]);
}

#[test]
fn csv_in_big5_is_detected() {
    let text = "編號,內容\n1,\u{9019}個產品真的非常好用，客服態度也很親切\n2,物流太慢了，等了兩個禮拜才收到\n";
    let (bytes, ..) = encoding_rs::BIG5.encode(text);
    assert_eq!(
        read("a.csv", &bytes)[0],
        r#"{"編號":"1","內容":"這個產品真的非常好用，客服態度也很親切"}"#
    );
}

#[test]
fn csv_in_utf16_is_one_dead_letter_that_says_what_is_read() {
    assert_eq!(read("a.csv", b"\xFF\xFEi\0d\0\n\x001\0"), ["encoding"]);
}

#[test]
fn a_table_of_ten_thousand_columns_is_refused_with_its_line_and_what_is_allowed() {
    let header: String = (0..10_000).map(|n| format!("c{n},")).collect();
    assert_eq!(read("a.csv", format!("{header}\n1,2\n3,4\n").as_bytes()), ["too_large"]);
    let row = "x,".repeat(10_000);
    assert_eq!(
        read("a.csv", format!("a,b\n{row}\n3,4\n").as_bytes()),
        ["too_large", r#"{"a":"3","b":"4"}"#]
    );
    let Some(Found::Bad { message, .. }) = table::too_many(10_001, "csv header", 1) else {
        panic!()
    };
    assert_eq!(message, "line 1: csv header of 10001 columns, want at most 2000");
}

/// `A` … `Z`, `AA` …
fn column_letters(column: usize) -> String {
    let last = (b'A' + (column % 26) as u8) as char;
    match column / 26 {
        0 => last.to_string(),
        before => format!("{}{last}", column_letters(before - 1)),
    }
}

/// Broke: a spreadsheet's row of too many columns went on without those beyond the limit.
#[test]
fn a_workbook_row_of_too_many_columns_is_one_dead_letter() {
    let wide = |columns: usize| vec!["x"; columns];
    let too_wide = workbook(&[&["a", "b"], &wide(2_001), &["3", "4"]]);
    assert_eq!(read("a.xlsx", &too_wide), ["too_large", r#"{"a":"3","b":"4"}"#]);
    let widest = workbook(&[&["a", "b"], &wide(2_000)]);
    assert!(read("a.xlsx", &widest)[0].ends_with(r#""column2000":"x"}"#));
}

/// A workbook of one sheet, its cells written inline; numbers as they are.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut sheet = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#,
    );
    for (r, row) in rows.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", r + 1));
        for (c, value) in row.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
            let at = format!("{}{}", column_letters(c), r + 1);
            let is_number = value.parse::<f64>().is_ok();
            sheet.push_str(&if is_number {
                format!("<c r=\"{at}\"><v>{value}</v></c>")
            } else {
                format!("<c r=\"{at}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{value}</t></is></c>")
            });
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let parts = [
        (
            "[Content_Types].xml",
            r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#,
        ),
        (
            "_rels/.rels",
            r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_str()),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_workbook_reads_like_a_table() {
    let bytes = workbook(&[
        &["编号", "内容", "时间"],
        &["12", "很好\n用", "45961.5"],
        &[],
        &["编号", "内容", "时间"],
        &["7568012345678901234", "", "2025-11-03"],
    ]);
    let wanted = [
        r#"{"编号":"12","内容":"很好\n用","时间":"45961.5"}"#,
        "[]",
        // what a spreadsheet keeps of 19 digits is no id any more
        r#"{"编号":"7.568012345678901e18","内容":"","时间":"2025-11-03"}"#,
    ];
    for name in ["a.xlsx", "a.xls", "no-ending"] {
        assert_eq!(read(name, &bytes), wanted, "{name}");
    }
    assert_eq!(read("a.xlsx.gz", &gzip(&bytes)), wanted);
}

#[test]
fn a_workbook_that_is_broken_or_a_bomb_is_one_dead_letter() {
    let bytes = workbook(&[&["a"], &["b"]]);
    assert_eq!(read("a.xlsx", &bytes[..bytes.len() / 2]), ["encoding"]);
    assert_eq!(
        read("a.xls", &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0, 0, 0]),
        ["encoding"]
    );
    let mut options = FileOptions::new(0);
    options.limits.expanded_bytes = 1024 * 1024;
    options.limits.expansion = 2;
    let long = "a".repeat(2 * 1024 * 1024);
    assert_eq!(read_with("a.xlsx", &workbook(&[&["a"], &[&long]]), &options), ["bomb"]);
}

#[test]
fn a_directory_stands_for_the_records_below_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    for name in ["b/2.csv.gz", "b/1.jsonl", "a.xlsx", "notes.txt", ".hidden.jsonl"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let path = folder.path().to_string_lossy().into_owned();
    let found = expand(std::slice::from_ref(&path)).unwrap();
    let names: Vec<&str> = found.iter().map(|file| &file[path.len() + 1..]).collect();
    assert_eq!(names, ["a.xlsx", "b/1.jsonl", "b/2.csv.gz"]);
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        expand(&[empty.path().to_string_lossy().into_owned()]),
        Err(FileError::NoMatch { .. })
    ));
}

#[test]
fn goes_on_where_it_was_told_to() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("b.jsonl", "3\n4\n5\n"), ("a.jsonl", "1\n2\n")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let pattern = folder.path().join("*.jsonl").to_string_lossy().into_owned();
    let all = |source: &mut FileSource| {
        let mut out = Vec::new();
        while let Some(record) = source.next_record().unwrap() {
            out.push(String::from_utf8(record.payload.unwrap()).unwrap());
        }
        out
    };
    let mut source = FileSource::open(0, std::slice::from_ref(&pattern), None).unwrap();
    assert_eq!(all(&mut source), ["1", "2", "3", "4", "5"]);
    let mut source = FileSource::open(0, &[pattern], None).unwrap();
    let (first, second) = (source.files()[0].clone(), source.files()[1].clone());
    source.skip_to(&second, 2);
    source.skip_to(&first, 3);
    assert_eq!(all(&mut source), ["4", "5"]);
}

#[test]
fn record_time_is_the_collect_time_else_the_modification_time() {
    let (_folder, path) = write("a.jsonl", b"1\n");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_762_144_200_000))
        .unwrap();
    let mut options = FileOptions::new(3);
    let time = |options: &FileOptions| match FileReader::open(&path, options).unwrap().next_record().unwrap() {
        Some(record) => (record.source, record.record_time_ms),
        _ => panic!(),
    };
    assert_eq!(time(&options), (3, 1_762_144_200_000));
    options.collected_at_ms = Some(5);
    assert_eq!(time(&options), (3, 5));
}

#[test]
fn missing_files_and_patterns_say_so() {
    assert!(matches!(
        expand(&["/nowhere/*.x".to_owned()]),
        Err(FileError::NoMatch { .. })
    ));
    assert!(FileReader::open("/nowhere/a.jsonl", &FileOptions::new(0)).is_err());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_reader_fail(bytes in proptest::collection::vec(
        proptest::sample::select(b"{}[]\",\n\r \\a1\xC4\xE3\xEF\xBB\xBF;\t".to_vec()), 0..120),
        name in proptest::sample::select(vec!["a.csv", "a.json", "a.jsonl", "a"]),
        magic in proptest::sample::select(vec![&b""[..], b"PK\x03\x04", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"\xFF\xFE"])) {
        let bytes = [magic, &bytes].concat();
        read(name, &bytes);
    }
}
