//! CSV with a header → one JSON object of strings a row.
//!
//! Split here and not by a library because a row must have a limit and a quote that never closes must cost one
//! line, not the rest of the file.

use super::input::Input;
use super::{Found, is_blank};
use crate::item::DeadLetterCode;
use encoding_rs::GB18030;
use std::borrow::Cow;

/// A row that is still open after this is a line with a stray quote.
const MOST_ROW_LINES: usize = 2_000;
/// Payload of a record that is counted and skipped.
const SKIPPED: &[u8] = b"[]";

#[derive(Default)]
pub struct Rows {
    header: Option<Header>,
    encoding: Encoding,
}

struct Header {
    names: Vec<String>,
    /// As in the file, to notice a repetition.
    fields: Vec<Vec<u8>>,
    delimiter: u8,
}

/// Decided by the first line that is not plain ASCII.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    #[default]
    Undecided,
    Utf8,
    Gb18030,
}

impl Rows {
    pub fn next(&mut self, input: &mut Input) -> std::io::Result<Option<Found>> {
        if self.header.is_none() {
            match self.read_header(input)? {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(bad) => return Ok(Some(bad)),
            }
        }
        let delimiter = self.header.as_ref().map_or(b',', |header| header.delimiter);
        let Some(row) = read_row(input, delimiter)? else {
            return Ok(None);
        };
        Ok(Some(match row {
            Row::TooLong(bytes) => Found::Payload(bytes),
            Row::Unclosed(bytes) => Found::Bad {
                code: DeadLetterCode::JsonSyntax,
                message: "csv row with a quote that does not close".to_owned(),
                bytes,
            },
            Row::Fields(fields) => self.object(fields),
        }))
    }

    /// Inner `Ok(false)`: the file is empty.
    fn read_header(&mut self, input: &mut Input) -> std::io::Result<Result<bool, Found>> {
        let Some(first) = first_line(input)? else {
            return Ok(Ok(false));
        };
        let delimiter = delimiter_of(&first);
        input.put_back(vec![first]);
        let fields = match read_row(input, delimiter)? {
            None => return Ok(Ok(false)),
            Some(Row::Fields(fields)) => fields,
            Some(Row::TooLong(bytes) | Row::Unclosed(bytes)) => {
                return Ok(Err(Found::Bad {
                    code: DeadLetterCode::JsonSyntax,
                    message: "csv header cannot be read".to_owned(),
                    bytes,
                }));
            }
        };
        let mut names: Vec<String> = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let name = match self.decode(field) {
                Ok(name) => name.trim().to_owned(),
                Err(code) => {
                    return Ok(Err(Found::Bad {
                        code,
                        message: "csv header is in no known encoding".to_owned(),
                        bytes: field.clone(),
                    }));
                }
            };
            let mut unique = if name.is_empty() {
                format!("column{}", index + 1)
            } else {
                name
            };
            if names.contains(&unique) {
                unique = format!("{unique}#{}", index + 1);
            }
            names.push(unique);
        }
        self.header = Some(Header {
            names,
            fields,
            delimiter,
        });
        Ok(Ok(true))
    }

    fn object(&mut self, fields: Vec<Vec<u8>>) -> Found {
        let repeats_header = self.header.as_ref().is_some_and(|header| {
            fields.len() == header.fields.len()
                && fields
                    .iter()
                    .zip(&header.fields)
                    .all(|(field, name)| field.trim_ascii() == name.trim_ascii())
        });
        if repeats_header || fields.iter().all(|field| field.trim_ascii().is_empty()) {
            return Found::Payload(SKIPPED.to_vec());
        }
        let mut out = Vec::with_capacity(fields.iter().map(|field| field.len() + 24).sum());
        out.push(b'{');
        for (index, field) in fields.iter().enumerate() {
            let value = match self.decode(field) {
                Ok(value) => value,
                Err(code) => {
                    return Found::Bad {
                        code,
                        message: format!("csv row is not in the file's encoding, column {}", index + 1),
                        bytes: fields.join(&b","[..]),
                    };
                }
            };
            if index > 0 {
                out.push(b',');
            }
            let name = self.header.as_ref().and_then(|header| header.names.get(index));
            let name = name.map_or_else(|| Cow::Owned(format!("column{}", index + 1)), Cow::Borrowed);
            write_string(&name, &mut out);
            out.push(b':');
            write_string(&value, &mut out);
        }
        out.push(b'}');
        Found::Payload(out)
    }

    fn decode<'f>(&mut self, field: &'f [u8]) -> Result<Cow<'f, str>, DeadLetterCode> {
        if let Ok(text) = std::str::from_utf8(field) {
            // GB18030 text may be valid UTF-8 by chance only in very short fields
            if self.encoding == Encoding::Undecided && !field.is_ascii() {
                self.encoding = Encoding::Utf8;
            }
            if self.encoding != Encoding::Gb18030 || field.is_ascii() {
                return Ok(Cow::Borrowed(text));
            }
        }
        if self.encoding == Encoding::Utf8 {
            return Err(DeadLetterCode::InvalidUtf8);
        }
        let decoded = GB18030.decode_without_bom_handling_and_without_replacement(field);
        if decoded.is_some() {
            self.encoding = Encoding::Gb18030;
        }
        decoded.ok_or(DeadLetterCode::Encoding)
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // writing to memory does not fail
    let _ = serde_json::to_writer(out, text);
}

/// The first line that is not blank, without a byte-order mark.
fn first_line(input: &mut Input) -> std::io::Result<Option<Vec<u8>>> {
    while let Some(line) = input.line()? {
        if !is_blank(&line) {
            let start = if line.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            return Ok(Some(line[start..].to_vec()));
        }
    }
    Ok(None)
}

fn delimiter_of(header: &[u8]) -> u8 {
    let count = |delimiter: u8| header.iter().filter(|b| **b == delimiter).count();
    // the comma where nothing is more frequent
    [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(b',')
}

enum Row {
    Fields(Vec<Vec<u8>>),
    /// Cut above the limit.
    TooLong(Vec<u8>),
    /// A line whose quote does not close.
    Unclosed(Vec<u8>),
}

/// The next row that is not blank; a quoted field may go over lines.
fn read_row(input: &mut Input, delimiter: u8) -> std::io::Result<Option<Row>> {
    let first = loop {
        match input.line()? {
            None => return Ok(None),
            Some(line) if is_blank(&line) => {}
            Some(line) => break line,
        }
    };
    if first.len() > input.record_bytes() {
        return Ok(Some(Row::TooLong(first)));
    }
    let mut splitter = Splitter::new(delimiter);
    splitter.line(&first);
    if !splitter.in_quotes() {
        return Ok(Some(Row::Fields(splitter.fields())));
    }
    let mut size = first.len();
    let mut lines = vec![first];
    while lines.len() < MOST_ROW_LINES && size <= input.record_bytes() {
        let Some(line) = input.line()? else {
            break;
        };
        splitter.newline();
        splitter.line(&line);
        size += line.len() + 1;
        lines.push(line);
        if !splitter.in_quotes() {
            return Ok(Some(Row::Fields(splitter.fields())));
        }
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    input.put_back(lines.collect());
    Ok(Some(Row::Unclosed(first)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// A quote inside a quoted field: its end, or the first of two.
    QuoteInQuoted,
}

/// Splits a row as RFC 4180 says; a quote in mid-field is a character.
struct Splitter {
    delimiter: u8,
    state: State,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::FieldStart,
            fields: Vec::new(),
            field: Vec::new(),
        }
    }

    fn in_quotes(&self) -> bool {
        self.state == State::Quoted
    }

    fn newline(&mut self) {
        self.field.push(b'\n');
    }

    fn line(&mut self, line: &[u8]) {
        for b in line {
            let b = *b;
            self.state = match self.state {
                State::FieldStart if b == b'"' => State::Quoted,
                State::FieldStart | State::Unquoted | State::QuoteInQuoted if b == self.delimiter => {
                    self.fields.push(std::mem::take(&mut self.field));
                    State::FieldStart
                }
                State::FieldStart | State::Unquoted => {
                    self.field.push(b);
                    State::Unquoted
                }
                State::Quoted if b == b'"' => State::QuoteInQuoted,
                State::Quoted => {
                    self.field.push(b);
                    State::Quoted
                }
                State::QuoteInQuoted if b == b'"' => {
                    self.field.push(b);
                    State::Quoted
                }
                // text behind a closing quote belongs to the field
                State::QuoteInQuoted => {
                    self.field.push(b);
                    State::Unquoted
                }
            };
        }
        // a quoted field whose quote just closed at the end of the line stays closed
    }

    fn fields(mut self) -> Vec<Vec<u8>> {
        self.fields.push(self.field);
        self.fields
    }
}
