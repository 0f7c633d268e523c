//! What a process holds in memory of its own.

use std::fs;

/// RssAnon of a process, 0 when it is gone.
pub fn anon_bytes(pid: u32) -> u64 {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("RssAnon:"))?
                .to_owned();
            line.split_whitespace().next()?.parse::<u64>().ok()
        })
        .map_or(0, |kilobytes| kilobytes * 1024)
}
