//! The thin binary: parses the command line and hands over to the library.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    return_large_blocks();
    return_freed_pages();
    qingting::cli::main()
}

/// C code (the Kafka client's fetch buffers) allocates with glibc, which keeps blocks of up to 32 MB once one was freed:
/// 45 MB that were never given back.
fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: called before there are other threads; a value that glibc does not take is ignored
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 10);
    }
}

/// Merging allocates much, on threads of its own: by default what it freed stays for a second, which was 20 MB of 330.
/// To give it back at once (0) costs an eighth of all CPU, after 100 ms still 2.3 page faults an item; what lives from one
/// commit to the next is kept by half a second, and 1.2 are left.
fn return_freed_pages() {
    // SAFETY: sets a number that mimalloc reads whenever it frees a page; the environment (MIMALLOC_PURGE_DELAY) wins
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS);
    }
}

/// `mi_option_purge_delay` of mimalloc.h, which the bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
const PURGE_DELAY_MS: std::ffi::c_long = 500;

#[cfg(test)]
mod tests {
    #[test]
    fn the_option_that_is_set_is_still_the_delay_of_purging() {
        // SAFETY: reads a number
        let default_ms = unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) };
        assert_eq!(
            default_ms, 1_000,
            "mimalloc has moved its options: see mi_option_e in mimalloc.h"
        );
    }
}
