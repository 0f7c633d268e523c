//! JSON over many lines: each top-level value is a record, each element of a top-level array too.

use super::Found;
use super::input::Input;

#[derive(Default)]
pub struct JsonStream {
    in_array: bool,
}

impl JsonStream {
    pub fn next(&mut self, input: &mut Input) -> std::io::Result<Option<Found>> {
        if !self.find_start(input)? {
            return Ok(None);
        }
        let mut value = Value::new(input.record_bytes());
        loop {
            let buffer = input.buffer()?;
            if buffer.is_empty() {
                return Ok(Some(value.finish()));
            }
            let (taken, complete) = value.take(buffer, self.in_array);
            input.consume(taken);
            if complete {
                return Ok(Some(value.finish()));
            }
        }
    }

    /// Skips what stands between values; false at the end.
    fn find_start(&mut self, input: &mut Input) -> std::io::Result<bool> {
        loop {
            let buffer = input.buffer()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let mut taken = 0;
            let mut found = false;
            for b in buffer {
                match b {
                    b'[' if !self.in_array => self.in_array = true,
                    b']' if self.in_array => self.in_array = false,
                    // white space, commas, and the bytes of a byte-order mark
                    b',' | 0xEF | 0xBB | 0xBF => {}
                    b if b.is_ascii_whitespace() => {}
                    _ => {
                        found = true;
                        break;
                    }
                }
                taken += 1;
            }
            input.consume(taken);
            if found {
                return Ok(true);
            }
        }
    }
}

/// One value on its way; beyond the limit it is followed but not kept.
struct Value {
    bytes: Vec<u8>,
    most: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Value {
    fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most: most + 1,
            depth: 0,
            in_string: false,
            escaped: false,
        }
    }

    /// Takes bytes up to the end of the value; returns how many and whether it is complete.
    fn take(&mut self, buffer: &[u8], in_array: bool) -> (usize, bool) {
        let mut end = buffer.len();
        let mut complete = false;
        for (at, b) in buffer.iter().enumerate() {
            if self.in_string {
                match b {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match b {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        (end, complete) = (at + 1, true);
                        break;
                    }
                }
                // a bare word or number ends where something else begins; that is not taken
                b',' | b']' | b'\n' if self.depth == 0 && (in_array || *b == b'\n') => {
                    (end, complete) = (at, true);
                    break;
                }
                _ => {}
            }
        }
        let room = self.most.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&buffer[..end.min(room)]);
        (end, complete)
    }

    fn finish(self) -> Found {
        Found::Payload(self.bytes)
    }
}
