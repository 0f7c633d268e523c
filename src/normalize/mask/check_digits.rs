//! What tells a number from a run of digits: dates, check digits, first digits.

use super::digits::Digit;

pub(super) fn is_calendar_date(digits: &[Digit]) -> bool {
    digits.len() == 8 && is_birth_date(digits)
}

pub(super) fn begins_as_card(digits: &[Digit]) -> bool {
    match digits[0].value {
        6 => digits[1].value == 2,
        4 | 5 => digits.len() == 16,
        3 => digits.len() == 16 && digits[1].value == 5,
        9 => number(&digits[..4]) == 9558,
        _ => false,
    }
}

pub(super) fn luhn(digits: &[Digit]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit.value) << (index % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Of more than nine digits: something larger than all that is asked for.
pub(super) fn number(digits: &[Digit]) -> u32 {
    let more = |value: u32, digit: &Digit| value.saturating_mul(10).saturating_add(u32::from(digit.value));
    digits.iter().fold(0, more)
}

pub(super) fn is_birth_date(digits: &[Digit]) -> bool {
    (1900..2100).contains(&number(&digits[..4])) && is_month_day(&digits[4..8])
}

pub(super) fn is_month_day(digits: &[Digit]) -> bool {
    (1..=12).contains(&number(&digits[..2])) && (1..=31).contains(&number(&digits[2..4]))
}

/// GB 11643: weights 2^(17−i) mod 11; 10 is written X.
pub(super) fn checksum(digits: &[Digit]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: [u8; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit.value) * weight)
        .sum();
    CHECK[(sum % 11) as usize]
}
