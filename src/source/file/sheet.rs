//! Spreadsheets (XLSX, XLS) with a header in the first row of each sheet → one JSON object of strings a row.
//!
//! A workbook is read whole, so its size is bounded before it is opened: the file itself, and what its parts expand
//! to, counted by expanding them once.

use super::table::{self, MOST_COLUMNS, SKIPPED};
use super::{FileLimits, Found};
use crate::item::DeadLetterCode;
use calamine::{Data, DataRef, ExcelDateTime, Reader, Xls, Xlsx};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A larger workbook is to be exported as CSV.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Cells of a workbook, empty ones within a row included.
const MOST_CELLS: usize = 20_000_000;

/// The records of a workbook, read at the start.
pub struct Sheets {
    found: VecDeque<Found>,
}

/// Is this the beginning of a workbook: of a zip archive, or of a compound file?
pub fn is_workbook(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])
}

impl Sheets {
    pub fn of(bytes: Vec<u8>, limits: &FileLimits) -> Self {
        let mut sheets = Self { found: VecDeque::new() };
        if bytes.len() > MOST_BYTES {
            sheets.bad(
                DeadLetterCode::TooLarge,
                format!("workbook of more than {MOST_BYTES} bytes, want a csv file"),
            );
            return sheets;
        }
        // the library panics on some broken files; that costs the file, not the process
        let read = catch_unwind(AssertUnwindSafe(|| {
            if bytes.starts_with(b"PK") {
                sheets.read_xlsx(bytes, limits);
            } else {
                sheets.read_xls(bytes);
            }
        }));
        if read.is_err() {
            sheets.bad(
                DeadLetterCode::Encoding,
                "workbook is broken, the rest cannot be had".to_owned(),
            );
        }
        sheets
    }

    /// How much of a file is worth reading to find out that it is too large.
    pub fn most_bytes() -> usize {
        MOST_BYTES + 1
    }

    pub fn next(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    fn bad(&mut self, code: DeadLetterCode, message: String) {
        self.found.push_back(Found::Bad {
            code,
            message,
            bytes: Vec::new(),
        });
    }

    fn read_xlsx(&mut self, bytes: Vec<u8>, limits: &FileLimits) {
        match expanded(&bytes, limits) {
            Err(()) => {
                return self.bad(
                    DeadLetterCode::Encoding,
                    "zip archive is broken, want an xlsx workbook".to_owned(),
                );
            }
            Ok(Some(allowed)) => {
                return self.bad(
                    DeadLetterCode::Bomb,
                    format!("xlsx workbook expands beyond {allowed} bytes, nothing of it was read"),
                );
            }
            Ok(None) => {}
        }
        let Ok(mut book) = Xlsx::new(Cursor::new(bytes)) else {
            return self.bad(
                DeadLetterCode::Encoding,
                "not an xlsx workbook, or a protected one".to_owned(),
            );
        };
        let mut cells = 0;
        for name in book.sheet_names() {
            let mut sheet = Sheet::default();
            let Ok(mut reader) = book.worksheet_cells_reader(&name) else {
                // a chart, not a table
                continue;
            };
            let mut row = Vec::new();
            let mut row_number = 0;
            loop {
                let cell = match reader.next_cell() {
                    Ok(Some(cell)) => cell,
                    Ok(None) => break,
                    Err(_) => {
                        self.bad(
                            DeadLetterCode::Encoding,
                            format!("sheet {name} is broken, the rest cannot be had"),
                        );
                        break;
                    }
                };
                let (number, column) = cell.get_position();
                if number != row_number {
                    self.row(&mut sheet, std::mem::take(&mut row), row_number);
                    row_number = number;
                }
                let column = column as usize;
                if column >= MOST_COLUMNS || sheet.ended {
                    sheet.widest = sheet.widest.max(column + 1);
                    continue;
                }
                cells += column.saturating_sub(row.len()) + 1;
                if cells > MOST_CELLS {
                    return self.bad(
                        DeadLetterCode::TooLarge,
                        format!("workbook of more than {MOST_CELLS} cells"),
                    );
                }
                if row.len() <= column {
                    row.resize(column + 1, String::new());
                }
                row[column] = text_of_ref(cell.get_value());
            }
            self.row(&mut sheet, row, row_number);
        }
    }

    fn read_xls(&mut self, bytes: Vec<u8>) {
        let Ok(all) = Xls::new(Cursor::new(bytes)).map(|mut book| book.worksheets()) else {
            return self.bad(
                DeadLetterCode::Encoding,
                "not an xls workbook, or a protected one".to_owned(),
            );
        };
        let mut cells = 0;
        for (_, range) in all {
            let first = range.start().map_or(0, |(row, _)| row);
            let mut sheet = Sheet::default();
            for (index, row) in range.rows().enumerate() {
                cells += row.len();
                if cells > MOST_CELLS {
                    return self.bad(
                        DeadLetterCode::TooLarge,
                        format!("workbook of more than {MOST_CELLS} cells"),
                    );
                }
                self.row(&mut sheet, row.iter().map(text_of).collect(), first + index as u32);
            }
        }
    }

    fn row(&mut self, sheet: &mut Sheet, mut row: Vec<String>, number: u32) {
        let widest = std::mem::take(&mut sheet.widest);
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
        let columns = row.len().max(widest);
        if row.iter().all(|value| value.trim().is_empty()) && columns <= MOST_COLUMNS || sheet.ended {
            return;
        }
        let what = if sheet.names.is_some() { "row" } else { "header" };
        if let Some(bad) = table::too_many(columns, what, number as usize + 1) {
            // without a header nothing below it can be read
            sheet.ended = sheet.names.is_none();
            self.found.push_back(bad);
            return;
        }
        let Some(names) = &sheet.names else {
            sheet.header.clone_from(&row);
            sheet.names = Some(table::unique_names(row));
            return;
        };
        let repeats =
            row.len() == sheet.header.len() && row.iter().zip(&sheet.header).all(|(a, b)| a.trim() == b.trim());
        if repeats {
            self.found.push_back(Found::Payload(SKIPPED.to_vec()));
            return;
        }
        let values: Vec<Cow<'_, str>> = row.iter().map(|value| Cow::Borrowed(value.as_str())).collect();
        self.found.push_back(Found::Payload(table::object(names, &values)));
    }
}

#[derive(Default)]
struct Sheet {
    header: Vec<String>,
    names: Option<Vec<String>>,
    /// Columns of the open row, where it has too many.
    widest: usize,
    ended: bool,
}

/// `Some(allowed)`: the parts of the archive expand beyond what is allowed.
fn expanded(bytes: &[u8], limits: &FileLimits) -> Result<Option<u64>, ()> {
    let allowed = limits.allowed(bytes.len() as u64);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| ())?;
    let mut total = 0u64;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| ())?;
        // what the archive says of a size may be wrong, so it is counted
        let mut counted = part.take(allowed.saturating_sub(total) + 1);
        total += std::io::copy(&mut counted, &mut std::io::sink()).map_err(|_| ())?;
        if total > allowed {
            return Ok(Some(allowed));
        }
    }
    Ok(None)
}

fn text_of_ref(value: &DataRef<'_>) -> String {
    match value {
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::String(text) => text.clone(),
        DataRef::Int(value) => value.to_string(),
        DataRef::Float(value) => number(*value),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) => date(time),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        _ => String::new(),
    }
}

fn text_of(value: &Data) -> String {
    match value {
        Data::String(text) => text.clone(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => number(*value),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(time) => date(time),
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        _ => String::new(),
    }
}

/// Spreadsheets keep 15 digits: a whole number beyond them has lost some, and is written so that no reader takes it
/// for an id.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else if value.abs() >= 1e15 {
        let text = format!("{value:e}");
        if text.contains('.') {
            text
        } else {
            text.replace('e', ".0e")
        }
    } else {
        value.to_string()
    }
}

fn date(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        return time.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}
