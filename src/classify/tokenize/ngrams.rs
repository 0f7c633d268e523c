//! Hashed character n-grams, defined exactly as in `models/train/features.py`; `vectors.json` holds both to it.

const TEXT_START: u32 = 0x02;
const TEXT_END: u32 = 0x03;
const SEED: u32 = 0x811C_9DC5;
const PRIME: u32 = 0x0100_0193;
const MIX: u32 = 0x2C1B_3C6D;

#[derive(Debug, Clone)]
pub(in crate::classify) struct NgramFeatures {
    pub orders: usize,
    pub hash_bits: u32,
    pub head_chars: usize,
    pub tail_chars: usize,
    /// Bucket → row of the embedding, 0 = left out. 2^hash_bits entries.
    pub rows: Vec<u16>,
}

/// Buffers of one worker, kept from text to text.
#[derive(Debug)]
pub(in crate::classify) struct Scratch {
    points: Vec<u32>,
    /// One bit per row: which are already in the current text.
    seen: Vec<u64>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            points: Vec::with_capacity(1024),
            seen: vec![0; (u16::MAX as usize + 1) / 64],
        }
    }
}

impl NgramFeatures {
    /// Appends the rows of `text` (folded) to `out`, each once, in the order in which they first occur.
    pub fn rows_of(&self, text: &str, scratch: &mut Scratch, out: &mut Vec<i32>) {
        self.code_points(text, &mut scratch.points);
        let first = out.len();
        let points = scratch.points.as_slice();
        let shift = 32 - self.hash_bits;
        for start in 0..points.len() {
            let mut state = SEED;
            for &point in points[start..].iter().take(self.orders) {
                state = (state ^ point).wrapping_mul(PRIME);
                let bucket = (state ^ (state >> 15)).wrapping_mul(MIX) >> shift;
                let row = self.rows[bucket as usize];
                let bit = 1u64 << (row & 63);
                let word = &mut scratch.seen[(row >> 6) as usize];
                if row != 0 && *word & bit == 0 {
                    *word |= bit;
                    out.push(i32::from(row));
                }
            }
        }
        for &row in &out[first..] {
            scratch.seen[(row >> 6) as usize] = 0;
        }
    }

    /// White space runs become one space, digits become `0`, a text longer than head + tail keeps its head and its
    /// tail; a start and an end mark stand around it.
    fn code_points(&self, text: &str, points: &mut Vec<u32>) {
        points.clear();
        points.push(TEXT_START);
        let mut pending_space = false;
        for character in text.chars() {
            let point = match character {
                ' ' | '\t'..='\r' | '\u{A0}' | '\u{3000}' => {
                    pending_space = true;
                    continue;
                }
                '0'..='9' => u32::from('0'),
                other => u32::from(other),
            };
            if pending_space && points.len() > 1 {
                points.push(u32::from(' '));
            }
            pending_space = false;
            points.push(point);
        }
        let limit = self.head_chars + self.tail_chars;
        let length = points.len() - 1;
        if length > limit {
            points.drain(1 + self.head_chars..1 + length - self.tail_chars);
        }
        points.push(TEXT_END);
    }
}
