//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Plain lines are printed at each of so many parts of a phase.
const PLAIN_PARTS: u64 = 4;

/// One phase after the other.
pub struct Progress {
    on_terminal: bool,
    bar: ProgressBar,
    name: String,
    total: u64,
    printed_parts: u64,
}

impl Progress {
    pub fn on_stderr() -> Self {
        Self {
            on_terminal: std::io::stderr().is_terminal(),
            bar: ProgressBar::hidden(),
            name: String::new(),
            total: 0,
            printed_parts: 0,
        }
    }

    /// Begins a phase of `total` steps.
    pub fn phase(&mut self, name: &str, total: u64) {
        self.bar.finish_and_clear();
        (self.name, self.total, self.printed_parts) = (name.to_string(), total, 0);
        if !self.on_terminal {
            eprintln!("{name} …");
            return;
        }
        self.bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:32} {pos}/{len} {msg}") {
            self.bar.set_style(style);
        }
        self.bar.set_prefix(name.to_string());
    }

    /// How far the phase is; `note` says what is going on.
    pub fn at(&mut self, position: u64, note: &str) {
        if self.on_terminal {
            self.bar.set_position(position);
            self.bar.set_message(note.to_string());
            return;
        }
        let parts = position * PLAIN_PARTS / self.total.max(1);
        if parts > self.printed_parts {
            self.printed_parts = parts;
            eprintln!("{} {position}/{} {note}", self.name, self.total);
        }
    }

    /// Prints a line on stdout without tearing the bar.
    pub fn print(&self, text: &str) {
        if self.on_terminal {
            self.bar.suspend(|| println!("{text}"));
        } else {
            println!("{text}");
        }
    }

    pub fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }
}
