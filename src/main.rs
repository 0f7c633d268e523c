//! The thin binary: parses the command line and hands over to the library.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    return_large_blocks();
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
