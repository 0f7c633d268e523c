//! CSV with a header → one JSON object of strings a row.
//!
//! Split here and not by a library because a row must have a limit and a quote that never closes must cost one
//! line, not the rest of the file.

use super::encoding::Encoding;
use super::input::Input;
use super::table::{self, MOST_COLUMNS, SKIPPED};
use super::{Found, is_blank};
use crate::item::DeadLetterCode;
use std::borrow::Cow;

/// A row that is still open after this is a line with a stray quote.
const MOST_ROW_LINES: usize = 2_000;

#[derive(Default)]
pub struct Rows {
    header: Option<Header>,
    encoding: Encoding,
    /// A header that cannot be read leaves nothing to read the rows by.
    ended: bool,
}

struct Header {
    names: Vec<String>,
    /// As in the file, to notice a repetition.
    fields: Vec<Vec<u8>>,
    delimiter: u8,
}

impl Rows {
    pub fn next(&mut self, input: &mut Input) -> std::io::Result<Option<Found>> {
        if self.ended {
            return Ok(None);
        }
        if self.header.is_none() {
            match self.read_header(input)? {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(bad) => {
                    self.ended = true;
                    return Ok(Some(bad));
                }
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
            Row::Fields(fields) => {
                self.encoding.settle(&fields, input.peek());
                self.object(fields)
            }
        }))
    }

    /// Inner `Ok(false)`: the file is empty.
    fn read_header(&mut self, input: &mut Input) -> std::io::Result<Result<bool, Found>> {
        if matches!(input.peek(), [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
            return Ok(Err(Found::Bad {
                code: DeadLetterCode::Encoding,
                message: "csv in utf-16, want utf-8, gbk, gb18030 or big5".to_owned(),
                bytes: Vec::new(),
            }));
        }
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
        if let Some(bad) = table::too_many(fields.len(), "csv header", 1) {
            return Ok(Err(bad));
        }
        self.encoding.settle(&fields, input.peek());
        let mut names: Vec<String> = Vec::with_capacity(fields.len());
        for field in &fields {
            match self.encoding.decode(field) {
                Ok(name) => names.push(name.into_owned()),
                Err(code) => {
                    return Ok(Err(Found::Bad {
                        code,
                        message: "csv header is in no known encoding, want utf-8, gbk, gb18030 or big5".to_owned(),
                        bytes: field.clone(),
                    }));
                }
            }
        }
        self.header = Some(Header {
            names: table::unique_names(names),
            fields,
            delimiter,
        });
        Ok(Ok(true))
    }

    fn object(&mut self, fields: Vec<Vec<u8>>) -> Found {
        let Some(header) = &self.header else {
            return Found::Payload(SKIPPED.to_vec());
        };
        let repeats_header = fields.len() == header.fields.len()
            && fields
                .iter()
                .zip(&header.fields)
                .all(|(field, name)| field.trim_ascii() == name.trim_ascii());
        if repeats_header || fields.iter().all(|field| field.trim_ascii().is_empty()) {
            return Found::Payload(SKIPPED.to_vec());
        }
        if fields.len() > MOST_COLUMNS {
            return Found::Bad {
                code: DeadLetterCode::TooLarge,
                message: format!("csv row of {} columns, want at most {MOST_COLUMNS}", fields.len()),
                bytes: Vec::new(),
            };
        }
        let mut values: Vec<Cow<'_, str>> = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            match self.encoding.decode(field) {
                Ok(value) => values.push(value),
                Err(code) => {
                    return Found::Bad {
                        code,
                        message: format!("csv row is not in the file's encoding, column {}", index + 1),
                        bytes: fields.join(&b","[..]),
                    };
                }
            }
        }
        Found::Payload(table::object(&header.names, &values))
    }
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
