#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qingting::source::file::fuzz::file(bytes));
