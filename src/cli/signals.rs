//! SIGINT and SIGTERM as a flag.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised by the first signal; a second one ends the process at once.
pub struct Signals(Arc<AtomicBool>);

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // registered first, so that it sees the flag of an earlier signal
            flag::register_conditional_shutdown(signal, 130, raised.clone())?;
            flag::register(signal, raised.clone())?;
        }
        Ok(Self(raised))
    }

    pub fn raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
